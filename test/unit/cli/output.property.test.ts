import { PluginError } from '@plugd/protocol/plugin-error';
import fc from 'fast-check';
import { parse } from 'yaml';
import { CliContext } from '../../../host/src/cli/context';
import { eventText } from '../../../host/src/cli/event-text';
import { logText } from '../../../host/src/cli/log-text';
import { plain } from '../../../host/src/cli/output/colour';
import { asJson } from '../../../host/src/cli/output/json';
import { renderFields, renderTable } from '../../../host/src/cli/output/table';
import { visible } from '../../../host/src/cli/output/visible';
import { asYaml } from '../../../host/src/cli/output/yaml';
import { reportError } from '../../../host/src/cli/report-error';
import { testProperty } from '../../support/property-test';

// Whatever plugins, manifests and daemons say, a terminal is not driven by it, and scripts get all of it.

const harm = fc.constantFrom(
  '\u001b[2J',
  '\u009b31m',
  '\r',
  '\n',
  '\u0007',
  '\u202e',
  '\u200b',
  '\ufeff',
  '\u2028',
  '\0',
);
const said = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.array(fc.oneof(harm, fc.string({ maxLength: 5 })), { maxLength: 6 }).map((parts) => parts.join('')),
);
const driving = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/;

testProperty(
  'a table has a line for each row, none of which drives a terminal or is wider than it',
  fc.property(
    fc.array(fc.tuple(said, said), { maxLength: 6 }),
    fc.integer({ min: 80, max: 200 }),
    (rows, width) => {
      const columns = [
        { header: 'A', text: ([text]: readonly [string, string]) => text },
        { header: 'B', text: ([, text]: readonly [string, string]) => text },
      ];
      const text = renderTable(columns, rows, { width });
      expect(text).not.toMatch(driving);
      const lines = text.split('\n');
      expect(lines).toHaveLength(rows.length + 2);
      for (const line of lines) expect([...line].length).toBeLessThanOrEqual(width);
      expect(renderFields(rows).split('\n')).toHaveLength(rows.length + 1);
    },
  ),
);

testProperty(
  'JSON and YAML say the same as what was given, in characters that do no harm',
  fc.property(fc.jsonValue({ stringUnit: 'binary', maxDepth: 3 }), said, (value, text) => {
    const document = { value, [text]: text };
    // YAML may have a tab within a text.
    for (const written of [asJson(document), asJson(document, 0), asYaml(document)])
      expect(written.replaceAll('\t', '')).not.toMatch(driving);
    expect(asJson(document, 0).split('\n')).toHaveLength(2);
    expect(JSON.parse(asJson(document))).toEqual(JSON.parse(JSON.stringify(document)));
    // YAML has a -0, JSON none.
    expect(JSON.stringify(parse(asYaml(document)))).toBe(JSON.stringify(document));
  }),
);

testProperty(
  'an event, a record and an error of anybody’s making are told without harm',
  fc.property(
    fc.dictionary(said, fc.oneof(said, fc.jsonValue({ stringUnit: 'binary' }))),
    said,
    (fields, text) => {
      expect(visible(eventText({ type: 'operation', ...fields }).text)).not.toMatch(driving);
      const entry = {
        time: 0,
        level: text,
        message: text,
        plugin: text,
        version: text,
        generation: 1,
        instance: text,
      };
      const line = logText({ ...entry, fields }, plain);
      expect(line).not.toMatch(driving);
      expect(line).not.toContain('\n');
      let told = '';
      const sink = { write: (part: string) => (told += part) };
      const context = new CliContext({ stdout: sink, stderr: sink, env: {}, cwd: () => '/' });
      expect(reportError(new PluginError('BUSY', text, { facts: fields, hint: text }), context)).toBe(true);
      expect(told).not.toMatch(driving);
    },
  ),
);
