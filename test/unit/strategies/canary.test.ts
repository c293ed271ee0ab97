import { status } from '@grpc/grpc-js';
import { type CanaryOptions, canaryStrategy } from '../../../host/src/strategies/canary';
import { SeededRandom } from '../../support/seeded-random';
import { TwoVersions } from './two-versions';

/** Callers of both versions, as the route shares them. */
function calls(
  traffic: TwoVersions,
  { perSecond = 1_000, errors = 0 }: { perSecond?: number; errors?: number } = {},
): { failed: number; answered: number } {
  const random = new SeededRandom(1);
  const count = { failed: 0, answered: 0 };
  traffic.onWait = (ms) => {
    for (let call = 0; call < (perSecond * ms) / 1_000; call++) {
      const fresh = random.below(100) < traffic.percent;
      const fails = fresh && random.below(1_000) < errors * 1_000;
      if (fresh) count.answered++;
      if (fails) count.failed++;
      (fresh ? traffic.new : traffic.old).answer(
        fails ? status.INTERNAL : status.OK,
        1 + random.below(10) / 10,
      );
    }
  };
  return count;
}

const run = (traffic: TwoVersions, options: CanaryOptions) =>
  canaryStrategy(options, () => traffic.now).run(traffic);

test('by default its steps are 5, 25, 50 and 100 percent, of 30 seconds each', async () => {
  const traffic = new TwoVersions(1);
  calls(traffic);
  await run(traffic, {});
  expect(traffic.splits.map(({ percent, at }) => [percent, at])).toEqual([
    [5, 0],
    [25, 30_000],
    [50, 60_000],
    [100, 90_000],
  ]);
  expect(traffic.now).toBe(120_000);
  expect(traffic.told.at(-1)).toMatchObject({ percentNew: 100, done: 1 });
});

test('so many instances are started as the share needs', async () => {
  const traffic = new TwoVersions(6);
  calls(traffic);
  const strategy = canaryStrategy({ bakeMs: 1_000 }, () => traffic.now);
  expect(strategy.firstInstances?.(6)).toBe(1);
  await strategy.run(traffic);
  expect(traffic.new.sizes).toEqual([2, 3, 6]);
  expect(traffic.old.sizes).toEqual([]);
});

test('one that fails calls is refused, with what was found', async () => {
  const traffic = new TwoVersions(1);
  const count = calls(traffic, { errors: 0.05 });
  await expect(run(traffic, { bakeMs: 60_000 })).rejects.toMatchObject({
    code: 'CANARY_REFUSED',
    facts: { version: '2.0.0', weight: 5, score: 1, metrics: [{ metric: 'errors', breached: true }, {}] },
  });
  expect(count.answered).toBeGreaterThanOrEqual(50);
  expect(count.failed).toBeLessThan(60);
});

test('few calls decide nothing: it waits for enough of them', async () => {
  const traffic = new TwoVersions(1);
  calls(traffic, { perSecond: 20 });
  await run(traffic, { steps: [{ weight: 50 }, { weight: 100 }], bakeMs: 1_000 });
  // 50 calls of each at ten a second each.
  expect(traffic.splits[1]?.at).toBeGreaterThanOrEqual(5_000);
});

test('without enough calls nobody can tell, and it is given up', async () => {
  const traffic = new TwoVersions(1);
  await expect(run(traffic, { bakeMs: 100, maxStepMs: 5_000 })).rejects.toMatchObject({
    code: 'CANARY_INCONCLUSIVE',
    facts: { weight: 5, calls: { old: 0, new: 0 } },
  });
  expect(traffic.now).toBeGreaterThanOrEqual(5_000);
});

test('promoted by hand it asks for nothing more', async () => {
  const traffic = new TwoVersions(1);
  traffic.onWait = () => {
    traffic.promoted = traffic.now >= 1_000;
  };
  await run(traffic, {});
  expect(traffic.splits.map(({ percent }) => percent)).toEqual([5]);
});

test('it tells once a second how it goes', async () => {
  const traffic = new TwoVersions(1);
  calls(traffic);
  await run(traffic, {
    steps: [
      { weight: 50, bakeMs: 10_000 },
      { weight: 100, bakeMs: 0 },
    ],
  });
  const messages = traffic.told.filter(({ percentNew }) => percentNew === 50);
  expect(messages.length).toBeGreaterThanOrEqual(10);
  expect(messages.length).toBeLessThanOrEqual(13);
  expect(traffic.told.map(({ done }) => done)).toEqual(traffic.told.map(({ done }) => done).sort());
});

test('the key that callers stay by goes to the route', async () => {
  const traffic = new TwoVersions(1);
  calls(traffic);
  await run(traffic, { bakeMs: 100, stickyKey: 'x-user' });
  expect(traffic.splits.map(({ options }) => options)).toEqual(Array(4).fill({ stickyKey: 'x-user' }));
});

test.each<[CanaryOptions, string]>([
  [{ steps: [] }, 'canary.steps'],
  [{ steps: [{ weight: 50 }] }, 'canary.steps[0].weight'],
  [{ steps: [{ weight: 50 }, { weight: 99 }] }, 'canary.steps[1].weight'],
  [{ steps: [{ weight: 50 }, { weight: 50 }, { weight: 100 }] }, 'canary.steps[1].weight'],
  [{ steps: [{ weight: 50 }, { weight: 20 }, { weight: 100 }] }, 'canary.steps[1].weight'],
  [{ steps: [{ weight: 0 }, { weight: 100 }] }, 'canary.steps[0].weight'],
  [{ steps: [{ weight: 101 }] }, 'canary.steps[0].weight'],
  [{ steps: [{ weight: Number.NaN }, { weight: 100 }] }, 'canary.steps[0].weight'],
  [{ bakeMs: -1 }, 'canary.bakeMs'],
  [{ steps: [{ weight: 100, bakeMs: -1 }] }, 'canary.steps[0].bakeMs'],
  [{ maxStepMs: 0 }, 'canary.maxStepMs'],
  [{ minCalls: 0 }, 'canary.minCalls'],
  [{ stickyKey: 'Not A Key' }, 'canary.stickyKey'],
  [{ rule: { metrics: [] } }, 'canary.rule.metrics'],
])('%j is refused', (options, option) => {
  expect(() => canaryStrategy(options)).toThrow(
    expect.objectContaining({ code: 'OPTIONS_INVALID', facts: { option } }),
  );
});
