import { roomsAtOnce } from '../support/at-once';
import { CanaryProgram } from '../support/canary-program';
import { reachesShare } from '../support/canary-progress';
import { failureOf, reaches } from '../support/host-room';
import { Trial } from './canary-trial';

// A new version gets the calls by and by, and all of them only where it does as well as the old one.

// What has a limit of its own asserts it; this one is only for tests that hang.
jest.setTimeout(60_000);

const program = new CanaryProgram();
afterAll(() => program.dispose());

const { atOnce, room } = roomsAtOnce();

const inFull = process.env['PLUGD_FULL'] === '1' ? atOnce : test.skip;
/** Longer than any test that ends by itself. */
const longMs = 50_000;
/** The slowest are far above what a busy machine adds. */
const slow = { medianMs: 400, sigma: 0.5 };
const quick = { medianMs: 4, sigma: 0.5 };
const INTERNAL = 13;

atOnce('a version that fails two calls of a hundred is refused, and nothing else fails', async () => {
  // So small a share shows in many calls.
  const trial = await Trial.begin(room(), program, {}, { restMs: 1 });
  const order = { errors: { share: 0.02, code: INTERNAL } };
  const canary = {
    steps: [
      { weight: 50, bakeMs: longMs },
      { weight: 100, bakeMs: 0 },
    ],
  };
  expect(await failureOf(trial.upgrade(order, { strategy: 'canary', canary }))).toMatchObject({
    code: 'CANARY_REFUSED',
    facts: { step: 'shift', strategy: 'canary' },
  });
  await trial.expectOld();
  const own = trial.book.calls.filter(({ failed }) => failed === 'own');
  expect(own.map(({ version }) => version)).toEqual(own.map(() => '2.0.0'));
  expect(own.length).toBeLessThanOrEqual(0.05 * trial.book.of('2.0.0').length + 5);
});

// That proof takes seconds, however many calls there are: one bad moment is none.
inFull('a version whose slowest calls take twice as long is refused', async () => {
  const trial = await Trial.begin(room(), program, { latency: slow }, { repeatable: 40, single: 20 });
  const order = { latency: { ...slow, factor: 2 } };
  const canary = {
    steps: [
      { weight: 50, bakeMs: longMs },
      { weight: 100, bakeMs: 0 },
    ],
  };
  expect(await failureOf(trial.upgrade(order, { strategy: 'canary', canary }))).toMatchObject({
    code: 'CANARY_REFUSED',
    facts: { step: 'shift', strategy: 'canary' },
  });
  await trial.expectOld();
});

atOnce('one that does as well goes through all steps and takes the place', async () => {
  const trial = await Trial.begin(room(), program, { latency: quick });
  const canary = {
    steps: [
      { weight: 20, bakeMs: 200 },
      { weight: 60, bakeMs: 200 },
      { weight: 100, bakeMs: 200 },
    ],
  };
  const report = await trial.upgrade({ latency: quick }, { strategy: 'canary', canary });
  expect(report).toMatchObject({ strategy: 'canary', outcome: 'swapped', to: { version: '2.0.0' } });
  await trial.expectNew();
  expect(trial.book.shares('2.0.0').map(({ percent }) => percent)).toEqual([0, 20, 60, 100]);
});

atOnce('promoted by hand it takes the place at once', async () => {
  const trial = await Trial.begin(room(), program);
  const canary = {
    steps: [
      { weight: 5, bakeMs: longMs },
      { weight: 50, bakeMs: longMs },
      { weight: 100, bakeMs: 0 },
    ],
  };
  const handle = trial.upgrade({}, { strategy: 'canary', canary });
  await reachesShare(handle, 5);
  await trial.callers.more(50);
  expect(handle.promote()).toBe(true);
  expect(await handle).toMatchObject({ outcome: 'swapped', to: { version: '2.0.0' } });
  await trial.expectNew();
});

atOnce('given up by hand it leaves the old one as it was', async () => {
  const trial = await Trial.begin(room(), program);
  const canary = {
    steps: [
      { weight: 50, bakeMs: longMs },
      { weight: 100, bakeMs: 0 },
    ],
  };
  const handle = trial.upgrade({}, { strategy: 'canary', canary });
  await reachesShare(handle, 50);
  await trial.callers.more(100);
  expect(handle.abort()).toBe(true);
  expect(await failureOf(handle)).toMatchObject({ code: 'ABORTED', facts: { step: 'shift' } });
  expect(trial.book.of('2.0.0').length).toBeGreaterThan(10);
  await trial.expectOld();
});

atOnce('given up while it is promoted, one of both serves, and nothing fails', async () => {
  const trial = await Trial.begin(room(), program);
  const canary = {
    steps: [
      { weight: 50, bakeMs: longMs },
      { weight: 100, bakeMs: 0 },
    ],
  };
  const handle = trial.upgrade({}, { strategy: 'canary', canary });
  await reachesShare(handle, 50);
  handle.promote();
  handle.abort();
  const outcome = await handle.then(
    ({ to }) => to.version,
    () => '1.0.0',
  );
  await (outcome === '2.0.0' ? trial.expectNew() : trial.expectOld());
});

atOnce('given up after the swap it stays: nothing is left to be undone', async () => {
  const trial = await Trial.begin(room(), program);
  const canary = {
    steps: [
      { weight: 50, bakeMs: 0 },
      { weight: 100, bakeMs: 0 },
    ],
  };
  const handle = trial.upgrade({}, { strategy: 'canary', canary });
  await reaches(handle, 'drain');
  expect([handle.abort(), handle.promote()]).toEqual([false, false]);
  expect(await handle).toMatchObject({ outcome: 'swapped', to: { version: '2.0.0' } });
  await trial.expectNew();
});
