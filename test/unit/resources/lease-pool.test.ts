import { setTimeout as sleep } from 'node:timers/promises';
import { PluginError } from '@plugd/protocol/plugin-error';
import * as fc from 'fast-check';
import { LeasePool, type LeasePoolOptions } from '../../../host/src/resources/lease-pool';
import { testProperty } from '../../support/property-test';
import { thrown } from '../protocol/thrown';

/** Something like a connection. */
interface Thing {
  readonly number: number;
  closed: boolean;
}

class Factory {
  readonly made: Thing[] = [];
  create = (): Thing | Promise<Thing> => this.make();
  destroy = (thing: Thing): void | Promise<void> => {
    thing.closed = true;
  };

  make(): Thing {
    const thing = { number: this.made.length + 1, closed: false };
    this.made.push(thing);
    return thing;
  }

  get open(): number[] {
    return this.made.flatMap(({ number, closed }) => (closed ? [] : [number]));
  }

  pool(over: Partial<LeasePoolOptions<Thing>> = {}): LeasePool<Thing> {
    return new LeasePool<Thing>({
      create: () => this.create(),
      destroy: (thing) => this.destroy(thing),
      max: 2,
      onError: (error) => this.errors.push(error),
      ...over,
    });
  }

  readonly errors: unknown[] = [];
}

let factory: Factory;
beforeEach(() => {
  factory = new Factory();
});

const codeOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'no error',
    (error: unknown) => (error instanceof PluginError ? error.code : error),
  );

test('what one generation gave back another one gets', async () => {
  const pool = factory.pool();
  const first = await pool.lease(1);
  first.giveBack();
  const second = await pool.lease(2);
  expect([second.resource.number, second.generation, first.signal.aborted]).toEqual([1, 2, true]);
  expect(factory.made).toHaveLength(1);
});

test('what is given back twice is there once', async () => {
  const pool = factory.pool();
  const lease = await pool.lease(1);
  lease.giveBack();
  lease.giveBack();
  expect(pool.figures).toMatchObject({ idle: 1, leased: 0 });
});

test('a leaving generation closes what it has, and nothing else', async () => {
  const pool = factory.pool({ max: 4 });
  const [own, others, idle] = [await pool.lease(1), await pool.lease(2), await pool.lease(1)];
  idle.giveBack();
  await pool.leave(1);
  expect([own, others, idle].map(({ resource }) => resource.closed)).toEqual([true, false, false]);
  expect([own.signal.aborted, others.signal.aborted]).toEqual([true, false]);
  expect((await pool.lease(2)).resource).toBe(idle.resource);
});

test('a generation that has left gets nothing more, also what it waits for', async () => {
  const pool = factory.pool({ max: 1 });
  const other = await pool.lease(2);
  const waiting = codeOf(pool.lease(1));
  await pool.leave(1);
  expect([await waiting, await codeOf(pool.lease(1))]).toEqual(['LEASE_REFUSED', 'LEASE_REFUSED']);
  other.giveBack();
  expect(pool.figures).toMatchObject({ idle: 1, waiting: 0 });
});

test('those who wait are served in their order', async () => {
  const pool = factory.pool({ max: 1 });
  const held = await pool.lease(1);
  const order: string[] = [];
  const waits = ['a', 'b', 'c'].map(async (name) => {
    const lease = await pool.lease(1);
    order.push(name);
    lease.giveBack();
  });
  held.giveBack();
  await Promise.all(waits);
  expect([order, factory.made.length]).toEqual([['a', 'b', 'c'], 1]);
});

test('a wait has an end, and what came too late is for the next one', async () => {
  let finish = (): void => {};
  factory.create = () =>
    new Promise((resolve) => {
      finish = () => resolve(factory.make());
    });
  const pool = factory.pool({ waitTimeoutMs: 20 });
  await expect(pool.lease(1)).rejects.toMatchObject({
    code: 'LEASE_TIMEOUT',
    facts: { generation: 1, limitMs: 20, max: 2, leased: 0 },
  });
  finish();
  await sleep(0);
  expect(pool.figures).toMatchObject({ idle: 1, making: 0, waiting: 0 });
  expect((await pool.lease(2)).resource.number).toBe(1);
});

test('a wait that is given up ends with its reason', async () => {
  const pool = factory.pool({ max: 1 });
  await pool.lease(1);
  const given = new AbortController();
  const waiting = codeOf(pool.lease(1, { signal: given.signal }));
  const reason = new Error('enough');
  given.abort(reason);
  expect(await waiting).toBe(reason);
  expect(await codeOf(pool.lease(1, { signal: given.signal }))).toBe(reason);
  expect(pool.figures.waiting).toBe(0);
});

test('one that can’t be made is told to whoever wanted it, and its place is free', async () => {
  const pool = factory.pool({ max: 1 });
  factory.create = () => {
    throw new Error('no route');
  };
  await expect(pool.lease(1)).rejects.toThrow('no route');
  factory.create = () => factory.make();
  expect((await pool.lease(1)).resource.number).toBe(1);
});

test('a broken one is closed, and another one made in its place', async () => {
  const pool = factory.pool({ max: 1 });
  const broken = await pool.lease(1);
  const waiting = pool.lease(1);
  broken.discard();
  broken.giveBack();
  expect((await waiting).resource.number).toBe(2);
  expect(factory.open).toEqual([2]);
});

test('one that does not close holds nobody up, and is told of', async () => {
  factory.destroy = () => new Promise(() => {});
  const pool = factory.pool({ max: 1, destroyTimeoutMs: 20 });
  await pool.lease(1);
  await pool.leave(1);
  factory.destroy = () => {
    throw new Error('closed by peer');
  };
  (await pool.lease(2)).discard();
  expect((await pool.lease(2)).resource.number).toBe(3);
  expect(factory.errors.map(String)).toEqual([
    'Error: it was not closed within 20 ms',
    'Error: closed by peer',
  ]);
});

test('a closed pool leaves nothing open, also what was being made', async () => {
  factory.create = async () => {
    await sleep(10);
    return factory.make();
  };
  {
    await using pool = factory.pool({ max: 3 });
    (await pool.lease(1)).giveBack();
    await pool.lease(2);
    await pool.lease(2);
    const waiting = codeOf(pool.lease(2));
    const late = codeOf(pool.lease(2));
    await pool.leave(3);
    void pool.close();
    expect([await waiting, await late, await codeOf(pool.lease(4))]).toEqual(
      Array.from({ length: 3 }, () => 'LEASE_REFUSED'),
    );
  }
  expect([factory.made.length > 0, factory.open]).toEqual([true, []]);
});

test.each([0, 1.5, -1, Number.NaN])('a pool of %s is refused', (max) => {
  expect(thrown(() => factory.pool({ max }))).toMatchObject({
    code: 'OPTIONS_INVALID',
    facts: { option: 'max' },
  });
});

const deed = fc.record({
  do: fc.constantFrom(
    'lease' as const,
    'back' as const,
    'discard' as const,
    'leave' as const,
    'fail' as const,
  ),
  which: fc.nat(2),
});

testProperty(
  'there are never more than the pool may have, nobody has one that another has or that is closed, and none is left',
  fc.asyncProperty(fc.array(deed, { maxLength: 40 }), async (deeds) => {
    const factory = new Factory();
    const pool = factory.pool({ max: 2, waitTimeoutMs: 1_000 });
    const leases: Awaited<ReturnType<typeof pool.lease>>[] = [];
    const waits: Promise<unknown>[] = [];
    for (const { do: what, which } of deeds) {
      if (what === 'lease') {
        waits.push(
          pool.lease(which).then(
            (lease) => leases.push(lease),
            () => {},
          ),
        );
      } else if (what === 'leave') {
        waits.push(pool.leave(which));
      } else if (what === 'fail') {
        factory.create = () => {
          factory.create = () => factory.make();
          throw new Error('no');
        };
      } else {
        const lease = leases[which];
        if (what === 'back') lease?.giveBack();
        else lease?.discard();
      }
      await Promise.resolve();
      expect(factory.open.length).toBeLessThanOrEqual(2);
      const live = leases.filter(({ signal }) => !signal.aborted).map(({ resource }) => resource);
      expect(new Set(live).size).toBe(live.length);
      expect(live.filter(({ closed }) => closed)).toEqual([]);
    }
    await pool.close();
    await Promise.all(waits);
    expect(factory.open).toEqual([]);
    expect(pool.figures).toEqual({ leased: 0, idle: 0, making: 0, closing: 0, waiting: 0 });
  }),
  1_000,
);
