import { PluginError } from '@plugd/protocol/plugin-error';
import { configKeys } from '../../../host/src/config/json-schema';
import { parseConfig } from '../../../host/src/config/parse-config';
import type { KeySchema } from '../../../host/src/manifest/known-keys';
import { formatProblem, type SourceProblem } from '../../../host/src/manifest/problem';
import { blocks, tableBelow } from '../../docs/markdown';

// The configs of docs/configuration.md are read as a daemon reads them, and its tables are held against the schema.

const all = blocks('docs/configuration.md');
const configs = all.filter(({ language }) => language === 'yaml');

test('there are configs, and each says that it is one', () => {
  expect(configs.length).toBeGreaterThan(1);
  expect(configs.map(({ marks }) => marks['check'])).toEqual(configs.map(() => 'config'));
});

test.each(configs.map(({ place, text }) => [place, text]))('%s is a config', (place, text) => {
  expect(parseConfig(text, place)).toMatchObject({ version: 1 });
});

test('a config with mistakes is refused in the words of the page', () => {
  const shown = all.filter(({ marks }) => marks['check'] === 'config-problems');
  expect(shown).toHaveLength(1);
  const [text = '', answer = ''] = (shown[0]?.text ?? '').split('---\n');
  const problems = refusal(text).facts['problems'] as readonly SourceProblem[];
  expect(answer).toBe(
    `plugd.yaml has ${problems.length} problems:\n${problems.map(formatProblem).join(';\n')}\n`,
  );
});

function refusal(text: string): PluginError {
  try {
    parseConfig(text, 'plugd.yaml');
  } catch (error) {
    if (error instanceof PluginError) return error;
  }
  throw new Error('it was taken');
}

const named = (heading: string): string[] =>
  tableBelow('docs/configuration.md', heading)
    .flatMap(([cell = '']) => cell.match(/[\w.]+/g) ?? [])
    .sort();

/** The settings of the daemon itself: those in a group by their full names, and a group only where it may be no group. */
function settings({ properties = {} }: KeySchema): string[] {
  return Object.entries(properties).flatMap(([key, schema]) => {
    const branches = [schema, ...(schema.anyOf ?? [])].map((branch) => Object.keys(branch.properties ?? {}));
    const inner = [...new Set(branches.flat())].map((name) => `${key}.${name}`);
    return schema.properties === undefined ? [key, ...inner] : inner;
  });
}

test('the table of settings names each setting once, and no other', () => {
  expect(named('Settings')).toEqual(settings(configKeys()).sort());
});

test('the table of the settings of a plugin names each once, and no other', () => {
  const plugin = configKeys().properties?.['plugins']?.additionalProperties;
  const keys = typeof plugin === 'object' ? Object.keys(plugin.properties ?? {}) : [];
  expect(named('Settings of a plugin')).toEqual(keys.sort());
});
