import { PluginRow } from '@plugd/protocol/gen/plugd/admin/v1/admin';
import type { Command } from 'commander';
import { CliContext } from '../../../host/src/cli/context';
import { pluginDocument } from '../../../host/src/cli/documents';
import { exitCodes } from '../../../host/src/cli/exit-code';
import { pluginColumns } from '../../../host/src/cli/plugin-columns';
import { createProgram } from '../../../host/src/cli/program';
import { blocks, read, tableBelow } from '../../docs/markdown';

// docs/cli.md is held against what the command itself says.

const page = 'docs/cli.md';
const silent = { write: () => true };
const program = createProgram(new CliContext({ stdout: silent, stderr: silent, env: {}, cwd: () => '/' }));
const verbs = program.commands.filter((one) => !one.name().startsWith('__'));
const name = (verb: Command) => verb.name();

/** What `--help` prints, as far as it is the verb's own, with what stands behind it. */
function helpOf(verb: Command): string {
  let text = '';
  verb.configureOutput({ writeOut: (part) => (text += part) });
  verb.outputHelp();
  return text;
}

const common = /\n?Options of all verbs:\n((?:.+\n)*)/;
const withoutCommon = (help: string) => `${help.replace(common, '').trimEnd()}\n`;
const shown = new Map(blocks(page).map(({ marks, text }) => [marks['help'], text]));

test('each verb has a section, in the order of the help', () => {
  const sections = [...read(page).matchAll(/^## `plugd (\S+)`$/gm)].map(([, verb]) => verb);
  expect(sections).toEqual(verbs.map(name));
  expect([...shown.keys()]).toEqual(['all', ...verbs.map(name)]);
});

test.each(verbs.map((verb) => [name(verb), verb] as const))(
  '%s is shown as its help says it',
  (verb, command) => {
    expect(shown.get(verb)).toBe(withoutCommon(helpOf(command)));
  },
);

test('all verbs but one have the same options besides', () => {
  for (const verb of verbs) {
    const [, options] = common.exec(helpOf(verb)) ?? [];
    // The columns are as wide as each verb's own options.
    const flat = (text: string | undefined) => text?.replace(/\s+/g, ' ');
    if (verb.name() === 'conform') expect(options).toBeUndefined();
    else expect(flat(options)).toBe(flat(shown.get('all')));
  }
});

test('the exit codes are those of the command', () => {
  const codes = tableBelow(page, 'Exit codes').map(([code]) => Number(code));
  expect(codes).toEqual(Object.values(exitCodes));
});

test('the columns and fields of a list are those that it writes', () => {
  const [, section = ''] = read(page).split('## `plugd list`');
  const rows = [...(section.split('\n## ')[0] ?? '').matchAll(/^\| `([^`]+)` \|/gm)].map(([, cell]) => cell);
  expect(rows).toEqual([
    ...pluginColumns(0).map(({ header }) => header),
    ...Object.keys(pluginDocument(PluginRow.fromPartial({}))),
  ]);
});
