import type { InstanceEvent } from '@plugd/host';
import { roomsAtOnce } from '../support/at-once';
import { CanaryProgram } from '../support/canary-program';
import { reachesShare } from '../support/canary-progress';
import { failureOf } from '../support/host-room';
import { Trial } from './canary-trial';

// Instance by instance: some of the old ones leave as some of the new ones come.

// What has a limit of its own asserts it; this one is only for tests that hang.
jest.setTimeout(60_000);

const program = new CanaryProgram();
afterAll(() => program.dispose());

const { atOnce, room } = roomsAtOnce();

const full = process.env['PLUGD_FULL'] === '1';
/** Every day fewer. */
const instances = full ? 5 : 3;
/** Callers of calls that may not be made twice: so many can be with a process when that is lost. */
const single = 4;

/** How many instances a plugin had at each moment, by the host's own events. */
function census(from: number): { readonly leastServing: number; readonly mostAlive: number } {
  const states = new Map<string, InstanceEvent['to']>();
  const count = (...wanted: InstanceEvent['to'][]): number =>
    [...states.values()].filter((state) => wanted.includes(state)).length;
  let leastServing = Number.POSITIVE_INFINITY;
  let mostAlive = 0;
  room().events.forEach((event, i) => {
    if (event.type !== 'instance') return;
    states.set(event.instance, event.to);
    if (i < from) return;
    leastServing = Math.min(leastServing, count('serving'));
    // One that drains is on its way out, and takes no calls.
    mostAlive = Math.max(mostAlive, count('starting', 'ready', 'serving'));
  });
  return { leastServing, mostAlive };
}

const paces = [
  { maxSurge: 0, maxUnavailable: 2 },
  { maxSurge: 2, maxUnavailable: 1 },
  { maxSurge: 1, maxUnavailable: 0 },
];

atOnce.each(full ? paces : paces.slice(0, 2))(
  'by $maxSurge more and $maxUnavailable less at a time no call fails',
  async (rolling) => {
    const trial = await Trial.begin(room(), program, {}, {}, { instances });
    const from = room().events.length;
    const report = await trial.upgrade({}, { strategy: 'rolling', rolling });
    expect(report).toMatchObject({ strategy: 'rolling', outcome: 'swapped', to: { version: '2.0.0' } });
    expect(trial.pids()).toHaveLength(instances);
    const { leastServing, mostAlive } = census(from);
    expect(leastServing).toBeGreaterThanOrEqual(instances - rolling.maxUnavailable);
    expect(mostAlive).toBeLessThanOrEqual(instances + rolling.maxSurge);
    await trial.expectNew({ shares: false });
  },
);

atOnce.each(full ? [1, 3] : [3])(
  'one that never becomes healthy, number %d of the new ones, ends it, and no call fails',
  async (nth) => {
    const trial = await Trial.begin(room(), program, {}, {}, { instances });
    const from = room().events.length;
    const order = { unhealthy: true, only: { directory: program.starts(), nth } };
    const handle = trial.upgrade(order, {
      strategy: 'rolling',
      rolling: { maxSurge: 1, maxUnavailable: 1 },
      startTimeoutMs: 1_500,
    });
    expect((await failureOf(handle)).code).toBe('HEALTH_NOT_SERVING');
    expect(trial.pids()).toHaveLength(instances);
    expect(census(from).leastServing).toBeGreaterThanOrEqual(instances - 1);
    // Also while those that had left are started again.
    expect(census(from).mostAlive).toBeLessThanOrEqual(instances + 1);
    await trial.expectOld({ samePids: nth === 1, shares: false });
  },
);

atOnce('one that crashes when it has served for a while ends it, and the old ones come back', async () => {
  const trial = await Trial.begin(room(), program, {}, { single }, { instances });
  const order = { crash: { atCall: 20 }, only: { directory: program.starts(), nth: 2 } };
  const handle = trial.upgrade(order, { strategy: 'rolling', rolling: { pauseMs: 1_000 } });
  expect(await failureOf(handle)).toMatchObject({ code: 'BAKE_FAILED', facts: { step: 'shift' } });
  expect(trial.pids()).toHaveLength(instances);
  await trial.expectOld({ lost: single, samePids: false, shares: false });
});

atOnce('given up in the middle, the old ones come back, and no call fails', async () => {
  const trial = await Trial.begin(room(), program, {}, {}, { instances });
  const handle = trial.upgrade({}, { strategy: 'rolling', rolling: { maxSurge: 2, pauseMs: 300 } });
  await reachesShare(handle, 50);
  handle.abort();
  expect(await failureOf(handle)).toMatchObject({ code: 'ABORTED', facts: { step: 'shift' } });
  expect(trial.pids()).toHaveLength(instances);
  await trial.expectOld({ samePids: false, shares: false });
});

atOnce('limits that let nothing move are refused', async () => {
  const trial = await Trial.begin(room(), program);
  for (const rolling of [
    { maxSurge: 0, maxUnavailable: 0 },
    { maxSurge: -1, maxUnavailable: 1 },
    { maxSurge: 0.5, maxUnavailable: 1 },
  ]) {
    const failure = await failureOf(trial.upgrade({}, { strategy: 'rolling', rolling }));
    expect(failure.code).toBe('OPTIONS_INVALID');
  }
  // Its one instance would have to leave before another one is there.
  const tight = { maxSurge: 0, maxUnavailable: 1 };
  const failure = await failureOf(trial.upgrade({}, { strategy: 'rolling', rolling: tight }));
  expect(failure.code).toBe('STRATEGY_UNFIT');
  await trial.expectOld();
});
