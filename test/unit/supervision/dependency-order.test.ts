import fc from 'fast-check';
import {
  type Dependencies,
  dependentsOf,
  restartedWith,
  startOrder,
  stopInOrder,
} from '../../../host/src/supervision/dependency-order';

const plugins = (given: Record<string, readonly string[]>): Dependencies => new Map(Object.entries(given));
const thrownBy = (run: () => unknown) => {
  try {
    run();
  } catch (error) {
    return error;
  }
  return undefined;
};

describe('the order of plugins', () => {
  const shop = plugins({ web: ['cart', 'auth'], cart: ['store'], auth: ['store'], store: [], mail: [] });

  test('each starts after what it depends on, else as declared', () => {
    expect(startOrder(shop)).toEqual(['store', 'cart', 'auth', 'web', 'mail']);
  });

  test('each stops before what it depends on, those at once that are free to, also where one can not be stopped', async () => {
    const told: string[] = [];
    const going = new Map<string, (error?: Error) => void>();
    const all = stopInOrder(shop, async (name) => {
      told.push(name);
      await new Promise<void>((resolve, reject) =>
        going.set(name, (error) => (error === undefined ? resolve() : reject(error))),
      );
    }).then(() => told.push('all'));
    const ended = async (name: string, error?: Error) => {
      going.get(name)?.(error);
      await new Promise((resolve) => setImmediate(resolve));
      return told.splice(0);
    };
    expect(await ended('nobody')).toEqual(['mail', 'web']);
    expect(await ended('web', new Error('it does not go'))).toEqual(['auth', 'cart']);
    expect(await ended('auth')).toEqual([]);
    expect(await ended('mail')).toEqual([]);
    expect(await ended('cart')).toEqual(['store']);
    expect(await ended('store')).toEqual(['all']);
    await all;
  });

  test('dependents are those through others, too', () => {
    expect(dependentsOf('store', shop)).toEqual(['cart', 'auth', 'web']);
    expect(dependentsOf('web', shop)).toEqual([]);
  });

  test('one-for-one restarts none of them, rest-for-one all', () => {
    expect(restartedWith('auth', 'one-for-one', shop)).toEqual([]);
    expect(restartedWith('auth', 'rest-for-one', shop)).toEqual(['web']);
  });

  test('a ring is refused and named, without what merely leads to it', () => {
    const ring = plugins({ a: ['b'], b: ['c'], c: ['d'], d: ['b'] });
    expect(thrownBy(() => startOrder(ring))).toMatchObject({
      code: 'DEPENDENCY_CYCLE',
      facts: { cycle: ['b', 'c', 'd', 'b'] },
    });
  });

  test('one that depends on itself is a ring', () => {
    expect(thrownBy(() => startOrder(plugins({ a: ['a'] })))).toMatchObject({
      code: 'DEPENDENCY_CYCLE',
      facts: { cycle: ['a', 'a'] },
    });
  });

  test('what is not there is named, with who wants it', () => {
    expect(thrownBy(() => startOrder(plugins({ a: [], b: ['a', 'x'] })))).toMatchObject({
      code: 'DEPENDENCY_MISSING',
      facts: { plugin: 'b', missing: 'x' },
    });
  });

  test('a chain may be long', () => {
    const names = Array.from({ length: 20_000 }, (_, i) => `p${i}`);
    const chain = new Map(names.map((name, i) => [name, names.slice(i + 1, i + 2)]));
    expect(startOrder(chain)).toEqual(names.reverse());
  });

  test('whatever is declared without a ring gets an order that holds, each once', () => {
    fc.assert(
      fc.property(fc.array(fc.array(fc.nat(30), { maxLength: 5 }), { maxLength: 30 }), (rows) => {
        // A plugin depends only on those with a higher number: no rings.
        const given = new Map(
          rows.map((row, i) => [
            `p${i}`,
            [...new Set(row.filter((one) => one > i && one < rows.length))].map((one) => `p${one}`),
          ]),
        );
        const order = startOrder(given);
        expect([...order].sort()).toEqual([...given.keys()].sort());
        for (const [name, needed] of given) {
          for (const one of needed) expect(order.indexOf(one)).toBeLessThan(order.indexOf(name));
          // Both ways of asking agree.
          for (const one of needed) expect(dependentsOf(one, given)).toContain(name);
        }
      }),
    );
  });
});
