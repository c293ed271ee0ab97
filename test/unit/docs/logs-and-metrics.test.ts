import { parseConfig } from '../../../host/src/config/parse-config';
import { formatEntry, parseEntry } from '../../../host/src/logs/log-entry';
import { families } from '../../../host/src/metrics/families';
import { outcomes } from '../../../host/src/metrics/operation-book';
import { blocks, read, tableBelow } from '../../docs/markdown';

// docs/metrics.md and docs/logs.md, held against what they tell of.

const checked = (document: string, check: string): string[] =>
  blocks(document)
    .filter(({ marks }) => marks['check'] === check)
    .map(({ text }) => text);

test.each(['docs/metrics.md', 'docs/logs.md'])('the configs of %s are configs', (document) => {
  const configs = checked(document, 'config');
  expect(configs).toHaveLength(1);
  for (const text of configs) expect(parseConfig(text, 'plugd.yaml')).toMatchObject({ version: 1 });
});

test('docs/metrics.md lists every family with its type, its labels and its help, in their order', () => {
  const rows = tableBelow('docs/metrics.md', 'Families');
  const told = Object.values(families).map(({ name, type, labels, help }) => [
    `\`${name}\``,
    type,
    labels.length === 0 ? 'none' : labels.map((label) => `\`${label}\``).join(', '),
    help,
  ]);
  expect(rows).toEqual(told);
});

test('docs/metrics.md explains every label, and every outcome', () => {
  const rows = tableBelow('docs/metrics.md', 'Labels');
  const used = new Set(Object.values(families).flatMap(({ labels }): readonly string[] => labels));
  expect(rows.map(([label = '']) => label.replaceAll('`', '')).sort()).toEqual([...used].sort());
  const [, explained = ''] = rows.find(([label]) => label === '`outcome`') ?? [];
  const words = explained.match(/`\w+`/g)?.map((word) => word.replaceAll('`', ''));
  expect(words?.sort()).toEqual([...outcomes].sort());
});

test('the questions of docs/metrics.md are asked of families that there are', () => {
  const names = Object.values(families).map(({ name }): string => name);
  const asked = blocks('docs/metrics.md')
    .filter(({ language }) => language === 'promql')
    .flatMap(({ text }) => text.match(/\bplugd_\w+/g) ?? []);
  expect(asked.length).toBeGreaterThan(4);
  for (const name of asked) expect(names).toContain(name.replace(/_bucket$/, ''));
});

test('the record of docs/logs.md is one, as it would be written, and its table names each of its keys', () => {
  const [line = ''] = checked('docs/logs.md', 'record');
  const entry = parseEntry(line);
  if (entry === undefined) throw new Error('it is no record');
  expect(formatEntry(entry)).toBe(line);
  const keys = tableBelow('docs/logs.md', 'A record').map(([key = '']) => key.replaceAll('`', ''));
  expect(keys).toEqual(Object.keys(JSON.parse(line)));
});

test('the metrics that docs/logs.md names are there', () => {
  const names = Object.values(families).map(({ name }): string => name);
  for (const name of read('docs/logs.md').match(/\bplugd_\w+/g) ?? []) expect(names).toContain(name);
});
