import { atoi } from '@plugd/protocol/atoi';
import fc from 'fast-check';

describe('numbers are read as Go reads them', () => {
  test.each([
    ['0', 0],
    ['-0', 0],
    ['+1', 1],
    ['-7', -7],
    ['0012', 12],
    ['4294967296', 4_294_967_296],
    ['9007199254740991', Number.MAX_SAFE_INTEGER],
  ])('%j is %d', (text, value) => {
    expect(atoi(text)).toBe(value);
  });

  test.each(['', ' ', '1 ', ' 1', '1.0', '1e3', '0x10', '1_000', '+', '-', '+-1', '१', 'NaN', '1\n'])(
    '%j is no number',
    (text) => {
      expect(atoi(text)).toBeUndefined();
    },
  );

  test('what fits 64 bits is a number, what does not is none', () => {
    expect(atoi('9223372036854775807')).toBeDefined();
    expect(atoi('-9223372036854775808')).toBeDefined();
    expect(atoi('9223372036854775808')).toBeUndefined();
    expect(atoi('-9223372036854775809')).toBeUndefined();
    expect(atoi('9'.repeat(5000))).toBeUndefined();
    expect(atoi(`${'0'.repeat(5000)}7`)).toBe(7);
  });

  test('a number that was rounded is never a safe integer', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 2n ** 53n, max: 2n ** 63n - 1n }), (value) => {
        expect(Number.isSafeInteger(atoi(String(value)))).toBe(false);
      }),
    );
  });

  test('every safe integer comes back as itself', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), (value) => {
        expect(atoi(String(value))).toBe(value === 0 ? 0 : value);
      }),
    );
  });
});
