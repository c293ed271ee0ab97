import { Metadata } from '@grpc/grpc-js';
import {
  LINEAGE_ENTRIES_LIMIT,
  LINEAGE_KEY,
  Lineage,
  readLineage,
  withLineageKey,
} from '@plugd/protocol/rpc/lineage';

const longest = 'n'.repeat(64);
const many = (count: number): string => Array.from({ length: count }, (_, i) => `p${i}=1`).join(',');

test.each([
  ['one generation', 'A=3'],
  ['several', 'A=3,B=1,my-plugin_2.x=12'],
  ['the longest name and number', `${longest}=${'9'.repeat(15)}`],
  ['as many as may be', many(LINEAGE_ENTRIES_LIMIT)],
  [
    'as much as may be',
    Array.from(
      { length: LINEAGE_ENTRIES_LIMIT },
      (_, i) => `${longest.slice(2)}${10 + i}=${'9'.repeat(15)}`,
    ).join(','),
  ],
])('a lineage is read as it was written: %s', (_what, text) => {
  const lineage = Lineage.parse(text);
  expect(lineage?.toString()).toBe(text);
  for (const entry of text.split(',')) {
    const [plugin = '', generation] = entry.split('=');
    expect(lineage?.generationOf(plugin)).toBe(Number(generation));
  }
  expect(lineage?.generationOf('another')).toBeUndefined();
});

test.each([
  ['nothing', ''],
  ['no number', 'A'],
  ['an empty number', 'A='],
  ['no name', '=3'],
  ['a generation before the first', 'A=0'],
  ['a leading zero', 'A=03'],
  ['a sign', 'A=+3'],
  ['a fraction', 'A=1.5'],
  ['a number that JavaScript would round', `A=${'9'.repeat(16)}`],
  ['a name that no plugin has', '.A=1'],
  ['a name that is too long', `${longest}n=1`],
  ['a space', 'A=1, B=2'],
  ['a comma too many', 'A=1,'],
  ['a plugin twice', 'A=1,A=1'],
  ['a line end', 'A=1\n'],
  ['one bad entry among good ones', 'A=1,B,C=2'],
  ['too many', many(LINEAGE_ENTRIES_LIMIT + 1)],
  ['far too much', 'A'.repeat(1_000_000)],
])('what is no lineage is none at all: %s', (_what, text) => {
  expect(Lineage.parse(text)).toBeUndefined();
});

test('of two lineages the nearer one says where both name a plugin', () => {
  const far = Lineage.parse('A=1,B=1');
  const near = Lineage.of('B', 2);
  expect(near.over(far).toString()).toBe('B=2,A=1');
  expect(near.over(undefined)).toBe(near);
  // Neither has changed.
  expect([near.toString(), far?.toString()]).toEqual(['B=2', 'A=1,B=1']);
});

test('a lineage that would be too long for its reader keeps what is nearer', () => {
  const full = Lineage.parse(many(LINEAGE_ENTRIES_LIMIT));
  const both = Lineage.of('near', 7).over(full);
  expect(both.generationOf('near')).toBe(7);
  expect(both.toString().split(',')).toHaveLength(LINEAGE_ENTRIES_LIMIT);
  expect(Lineage.parse(both.toString())?.generationOf('near')).toBe(7);
});

test('metadata get the key in a copy, with their options', () => {
  const given = new Metadata({ waitForReady: true });
  given.set('other', 'kept');
  given.set(LINEAGE_KEY, 'A=1');
  const copy = withLineageKey(given, Lineage.of('B', 2));
  expect(copy.getMap()).toEqual({ other: 'kept', [LINEAGE_KEY]: 'B=2' });
  expect(copy.getOptions()).toEqual({ waitForReady: true });
  expect(readLineage(copy)?.toString()).toBe('B=2');
  expect(given.getMap()).toEqual({ other: 'kept', [LINEAGE_KEY]: 'A=1' });
});

test('metadata without the key, and with more than one, say nothing', () => {
  const metadata = new Metadata();
  expect(readLineage(metadata)).toBeUndefined();
  metadata.add(LINEAGE_KEY, 'A=1');
  metadata.add(LINEAGE_KEY, 'B=1');
  expect(readLineage(metadata)).toBeUndefined();
});
