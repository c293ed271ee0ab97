import { nameMatcher } from '../../../host/src/cli/name-matcher';

test.each<[patterns: string[], name: string, matches: boolean]>([
  [[], 'kv', true],
  [['kv'], 'kv', true],
  [['kv'], 'kv2', false],
  [['a', 'kv'], 'kv', true],
  [['kv*'], 'kv', true],
  [['kv*'], 'my-kv', false],
  [['*kv'], 'my-kv', true],
  [['a*b*c'], 'a-b-b-c', true],
  [['a*b*c'], 'a-c-b', false],
  // Neither end may take what the other one has.
  [['ab*ba'], 'aba', false],
  [['*'], '', true],
  [['.*'], 'kv', false],
])('of %j, %s is meant: %s', (patterns, name, matches) => {
  expect(nameMatcher(patterns)(name)).toBe(matches);
});

test('a pattern of many stars takes no longer than a look', () => {
  const name = `${'a'.repeat(5_000)}b`;
  expect(nameMatcher([`${'a*'.repeat(500)}c`])(name)).toBe(false);
});
