import { runInNewContext } from 'node:vm';
import { type JsonValue, toJsonValue } from '@plugd/protocol/json-value';
import fc from 'fast-check';

class Coded extends Error {
  toJSON() {
    return { code: 'X' };
  }
}

test.each<[string, unknown, JsonValue]>([
  ['undefined', undefined, null],
  ['not a number', Number.NaN, 'NaN'],
  ['infinity', -Infinity, '-Infinity'],
  ['a bigint', 2n ** 70n, '1180591620717411303424'],
  ['a symbol', Symbol('x'), 'Symbol(x)'],
  ['a function', () => 1, '[Function]'],
  ['an error', new TypeError('broken'), 'broken'],
  ['an error with a form of its own', new Coded('broken'), { code: 'X' }],
  ['an error of another realm', runInNewContext('new Error("far")'), 'far'],
  ['bytes', Buffer.from('hi'), 'aGk='],
  ['bytes in a window', new Uint8Array([0, 1, 2, 3]).subarray(1, 3), 'AQI='],
  ['a date', new Date(0), '1970-01-01T00:00:00.000Z'],
  ['an invalid date', new Date(Number.NaN), null],
  ['a map', new Map<unknown, unknown>([[1, new Map([['a', 2n]])]]), { 1: { a: '2' } }],
  ['a set', new Set([1, undefined]), [1, null]],
  ['an array with holes', new Array(2), [null, null]],
  ['an object without prototype', Object.assign(Object.create(null), { a: 1 }), { a: 1 }],
])('%s has a form in JSON', (_, value, expected) => {
  expect(toJsonValue(value)).toEqual(expected);
});

test('a circle is cut where it closes, what is merely shared is shown twice', () => {
  const shared = { a: 1 };
  const circle: Record<string, unknown> = { one: shared, two: shared };
  circle['self'] = circle;
  expect(toJsonValue(circle)).toEqual({ one: { a: 1 }, two: { a: 1 }, self: '[Circular]' });
});

test('what throws when it is read costs only itself', () => {
  const hostile = {
    fine: 1,
    get bad() {
      throw new Error('no');
    },
    proxy: new Proxy(
      {},
      {
        ownKeys() {
          throw new Error('no');
        },
      },
    ),
    json: {
      toJSON() {
        throw new Error('no');
      },
    },
  };
  expect(toJsonValue(hostile)).toEqual({
    fine: 1,
    bad: '[Unreadable]',
    proxy: '[Unreadable]',
    json: '[Unreadable]',
  });
});

test('depth is bounded, also where toJSON never ends', () => {
  const endless = { toJSON: (): unknown => ({ ...endless }) };
  expect(JSON.stringify(toJsonValue(endless))).toContain('[Too deep]');
  let deep: unknown = 'bottom';
  for (let level = 0; level < 100_000; level += 1) deep = [deep];
  expect(JSON.stringify(toJsonValue(deep))).toContain('[Too deep]');
});

test('size is bounded, also where sharing multiplies it', () => {
  let lots: unknown = 'leaf';
  for (let level = 0; level < 10; level += 1) lots = Array.from({ length: 10 }, () => lots);
  expect(JSON.stringify(toJsonValue(lots)).length).toBeLessThan(400_000);
  const endless = new Set(Array.from({ length: 50_000 }, (_, index) => index));
  expect(JSON.stringify(toJsonValue({ endless }))).toContain('[Too many]');
});

test('a key named __proto__ is a key', () => {
  const value = toJsonValue(JSON.parse('{"__proto__":{"polluted":true}}'));
  expect(JSON.stringify(value)).toBe('{"__proto__":{"polluted":true}}');
  expect(value).not.toHaveProperty('polluted');
});

test('whatever JSON can say comes back as it is', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 10 }), (value) => {
      expect(JSON.stringify(toJsonValue(value))).toBe(JSON.stringify(value));
    }),
  );
});

test('anything at all has a form', () => {
  fc.assert(
    fc.property(
      fc.anything({
        withBigInt: true,
        withDate: true,
        withMap: true,
        withSet: true,
        withTypedArray: true,
        withNullPrototype: true,
        withSparseArray: true,
      }),
      (value) => {
        expect(() => JSON.stringify(toJsonValue(value))).not.toThrow();
      },
    ),
  );
});
