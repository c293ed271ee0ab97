import { type RollingOptions, resolveRolling, rollingStrategy } from '../../../host/src/strategies/rolling';
import { TwoVersions } from './two-versions';

/** How many of each version there were after each change. */
async function rolled(instances: number, options: RollingOptions): Promise<[old: number, fresh: number][]> {
  const strategy = rollingStrategy(resolveRolling(options));
  const traffic = new TwoVersions(instances);
  traffic.new.instances = strategy.firstInstances?.(instances) ?? instances;
  // As the step before it does: without a surge one has to leave before the first one comes.
  if (options.maxSurge === 0) traffic.old.instances--;
  const seen: [number, number][] = [[traffic.old.instances, traffic.new.instances]];
  traffic.onResize = (side, to) => {
    const old = side === traffic.old ? to : traffic.old.instances;
    const fresh = side === traffic.new ? to : traffic.new.instances;
    seen.push([old, fresh]);
  };
  await strategy.run(traffic);
  expect(traffic.new.instances).toBe(instances);
  expect(traffic.told.at(-1)).toMatchObject({ done: 1 });
  return seen;
}

test('one by one, each new one before an old one leaves', async () => {
  expect(await rolled(3, {})).toEqual([
    [3, 1],
    [2, 1],
    [2, 2],
    [1, 2],
    [1, 3],
  ]);
});

test('without a surge an old one leaves first, to the last', async () => {
  expect(await rolled(2, { maxSurge: 0, maxUnavailable: 1 })).toEqual([
    [1, 1],
    [0, 1],
    [0, 2],
  ]);
});

const cases = [1, 2, 3, 5, 8].flatMap((instances) =>
  [0, 1, 2, 10].flatMap((maxSurge) =>
    [0, 1, 3].flatMap((maxUnavailable) =>
      maxSurge + maxUnavailable === 0 ? [] : [{ instances, maxSurge, maxUnavailable }],
    ),
  ),
);

test.each(cases)(
  '$instances instances, surge $maxSurge, unavailable $maxUnavailable: never more, never fewer',
  async ({ instances, ...options }) => {
    for (const [old, fresh] of await rolled(instances, options)) {
      expect(old + fresh).toBeLessThanOrEqual(instances + options.maxSurge);
      expect(old + fresh).toBeGreaterThanOrEqual(instances - options.maxUnavailable);
    }
  },
);

test('calls are shared as instances are', async () => {
  const traffic = new TwoVersions(4);
  await rollingStrategy(resolveRolling({ maxSurge: 2 })).run(traffic);
  for (const { percentNew, facts } of traffic.told) {
    const { new: fresh, old } = facts as { new: number; old: number };
    expect(percentNew).toBeCloseTo((100 * fresh) / (fresh + old));
  }
  expect(traffic.splits.every(({ percent }) => percent > 0 && percent <= 100)).toBe(true);
});

test('one that can’t be started ends it, and nothing more is taken from the old version', async () => {
  const traffic = new TwoVersions(5);
  traffic.onResize = (side, to) => {
    if (side === traffic.new && to === 3) throw new Error('it never became healthy');
  };
  await expect(rollingStrategy(resolveRolling()).run(traffic)).rejects.toThrow('never became healthy');
  expect([traffic.old.instances, traffic.new.instances]).toEqual([3, 2]);
});

test('promoted by hand it does not wait for the rest', async () => {
  const traffic = new TwoVersions(5);
  traffic.onWait = () => {
    traffic.promoted = traffic.new.instances === 2;
  };
  await rollingStrategy(resolveRolling({ pauseMs: 1_000 })).run(traffic);
  expect(traffic.new.instances).toBe(2);
});

test.each<[RollingOptions, string]>([
  [{ maxSurge: 0 }, 'rolling.maxSurge'],
  [{ maxSurge: -1 }, 'rolling.maxSurge'],
  [{ maxSurge: 0.5 }, 'rolling.maxSurge'],
  [{ maxUnavailable: -1 }, 'rolling.maxUnavailable'],
  [{ pauseMs: Number.NaN }, 'rolling.pauseMs'],
])('%j is refused', (options, option) => {
  expect(() => resolveRolling(options)).toThrow(
    expect.objectContaining({ code: 'OPTIONS_INVALID', facts: { option } }),
  );
});
