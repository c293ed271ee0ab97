import fc from 'fast-check';
import { satisfies } from 'semver';
import { isPossibleTogether } from '../../../host/src/manifest/ranges';
import { checkRequires } from '../../../host/src/manifest/requires';

const told = (plugins: Parameters<typeof checkRequires>[0]) =>
  checkRequires(plugins).map(({ code, facts }) => ({ code, facts }));

test('versions that fit each other have no problem', () => {
  expect(
    told([
      { name: 'web', version: '1.0.0', requires: { kv: '^2.0.0', log: '*' } },
      { name: 'kv', version: '2.3.0', requires: { log: '>=1 <3' } },
      { name: 'log', version: '1.0.0' },
    ]),
  ).toEqual([]);
});

test('each range that is not met is named, with what is there', () => {
  expect(
    told([
      { name: 'web', version: '1.0.0', requires: { kv: '^2.0.0', gone: '1.x' } },
      { name: 'kv', version: '1.9.9' },
    ]),
  ).toEqual([
    { code: 'REQUIREMENT_UNMET', facts: { plugin: 'web', version: '1.0.0', required: 'gone', range: '1.x' } },
    {
      code: 'REQUIREMENT_UNMET',
      facts: { plugin: 'web', version: '1.0.0', required: 'kv', range: '^2.0.0', found: '1.9.9' },
    },
  ]);
});

test('a prerelease is in a range only if that names one of its version', () => {
  const kv = { name: 'kv', version: '2.0.0-beta.2' };
  expect(told([{ name: 'web', version: '1.0.0', requires: { kv: '^1.0.0 || ^2.0.0' } }, kv])).toHaveLength(1);
  expect(told([{ name: 'web', version: '1.0.0', requires: { kv: '^2.0.0-beta.1' } }, kv])).toEqual([]);
});

test('ranges that exclude each other are told once, with all who ask', () => {
  const found = told([
    { name: 'a', version: '1.0.0', requires: { kv: '^1.0.0' } },
    { name: 'b', version: '2.0.0', requires: { kv: '^2.0.0' } },
    { name: 'kv', version: '1.0.0' },
  ]);
  expect(found).toEqual([
    {
      code: 'REQUIREMENT_IMPOSSIBLE',
      facts: {
        required: 'kv',
        ranges: [
          { plugin: 'a', version: '1.0.0', range: '^1.0.0' },
          { plugin: 'b', version: '2.0.0', range: '^2.0.0' },
        ],
      },
    },
  ]);
});

test('ranges that overlap in pairs need not overlap together', () => {
  const ranges = ['1.x || 2.x', '2.x || 3.x', '1.x || 3.x'];
  expect(isPossibleTogether(ranges)).toBe(false);
  expect(isPossibleTogether(ranges.slice(0, 2))).toBe(true);
});

test('loops are named from their first name on, each once', () => {
  const found = told([
    { name: 'c', version: '1.0.0', requires: { a: '*' } },
    { name: 'b', version: '1.0.0', requires: { c: '*' } },
    { name: 'a', version: '1.0.0', requires: { b: '*' } },
    { name: 'x', version: '1.0.0', requires: { a: '*', y: '*' } },
    { name: 'y', version: '1.0.0', requires: { x: '*' } },
    { name: 'self', version: '1.0.0', requires: { self: '*' } },
  ]);
  expect(found).toEqual([
    { code: 'DEPENDENCY_CYCLE', facts: { cycle: ['a', 'b', 'c', 'a'] } },
    { code: 'DEPENDENCY_CYCLE', facts: { cycle: ['self', 'self'] } },
    { code: 'DEPENDENCY_CYCLE', facts: { cycle: ['x', 'y', 'x'] } },
  ]);
});

test('a chain of a thousand plugins is no loop', () => {
  const chain = Array.from({ length: 1_000 }, (_, index) => ({
    name: `p${index}`,
    version: '1.0.0',
    ...(index < 999 ? { requires: { [`p${index + 1}`]: '^1.0.0' } } : {}),
  }));
  expect(told(chain)).toEqual([]);
});

test('what is said to be possible is exactly what some version fulfils', () => {
  const number = fc.integer({ min: 0, max: 3 });
  const one = fc.oneof(
    fc
      .tuple(fc.constantFrom('^', '~', '>=', '<', '', '>'), number, number)
      .map(([sign, a, b]) => `${sign}${a}.${b}.0`),
    number.map((a) => `${a}.x`),
  );
  const range = fc
    .array(fc.array(one, { minLength: 1, maxLength: 2 }), { minLength: 1, maxLength: 2 })
    .map((all) => all.map((parts) => parts.join(' ')).join(' || '));
  // All that these bounds can tell apart: the versions at them, and those just above.
  const versions = [0, 1, 2, 3, 4].flatMap((a) =>
    [0, 1, 2, 3, 4].flatMap((b) => [`${a}.${b}.0`, `${a}.${b}.1`]),
  );
  fc.assert(
    fc.property(fc.array(range, { minLength: 1, maxLength: 3 }), (ranges) => {
      const some = versions.some((version) => ranges.every((each) => satisfies(version, each)));
      expect(isPossibleTogether(ranges)).toBe(some);
    }),
    { numRuns: 300 },
  );
});
