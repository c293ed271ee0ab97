import { formatVersionList, negotiateVersion, parseVersionList } from '@plugd/protocol/versions';
import fc from 'fast-check';
import { thrown } from './thrown';

const offered = (text: string | undefined) => parseVersionList(text).versions;

test('plugin and host agree on the highest version that both speak, else the plugin answers with its lowest', () => {
  expect(negotiateVersion([3, 5], offered('9,5,3'))).toBe(5);
  expect(negotiateVersion([5, 3], offered('2,3'))).toBe(3);
  expect(negotiateVersion([5, 3], offered('1,2'))).toBe(3);
  expect(negotiateVersion([3, 5], offered(undefined))).toBe(3);
  expect(negotiateVersion([3, 5], undefined)).toBe(3);
});

test('versions are compared as numbers, not as texts', () => {
  expect(negotiateVersion([9, 10], [9, 10])).toBe(10);
  expect(negotiateVersion([10, 9], [])).toBe(9);
});

test('a version too large to be exact is not taken for one of ours', () => {
  expect(negotiateVersion([1, Number.MAX_SAFE_INTEGER], offered('9007199254740993'))).toBe(1);
});

test('a plugin without a version is refused', () => {
  expect(thrown(() => negotiateVersion([], [1])).code).toBe('OPTIONS_INVALID');
});

test('items that are no numbers are reported as they stood and skipped', () => {
  expect(parseVersionList('1,bad, 2,,+3,4.0,5')).toEqual({
    versions: [1, 3, 5],
    rejected: ['bad', ' 2', '', '4.0'],
  });
});

test('no list is an empty list', () => {
  const none = { versions: [], rejected: [] };
  expect(parseVersionList(undefined)).toEqual(none);
  expect(parseVersionList('')).toEqual(none);
  expect(parseVersionList(formatVersionList([]))).toEqual(none);
});

test('a list that was written is read back', () => {
  fc.assert(
    fc.property(fc.array(fc.integer()), (versions) => {
      expect(parseVersionList(formatVersionList(versions))).toEqual({ versions, rejected: [] });
    }),
  );
});
