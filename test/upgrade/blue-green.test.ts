import { roomsAtOnce } from '../support/at-once';
import { CanaryProgram } from '../support/canary-program';
import { failureOf, killNow, reaches } from '../support/host-room';
import { poll } from '../support/poll';
import { Trial } from './canary-trial';

// All calls go over at once, and the old version stays beside the new one until that has proved itself.

// What has a limit of its own asserts it; this one is only for tests that hang.
jest.setTimeout(60_000);

const program = new CanaryProgram();
afterAll(() => program.dispose());

const { atOnce, room } = roomsAtOnce();

/** Longer than any test that ends by itself. */
const longMs = 50_000;
/** Callers of calls that may not be made twice: so many can be with a process when that is lost. */
const single = 4;
const strategy = 'blue-green';
const INTERNAL = 13;

atOnce('one that fails calls has to give its place back, and no others fail', async () => {
  // What is usual is known by so many calls: they are made in time on a busy machine too.
  const trial = await Trial.begin(room(), program, {}, { repeatable: 16, single: 8, restMs: 1 });
  const order = { errors: { share: 0.2, code: INTERNAL } };
  const blueGreen = { bakeMs: longMs, baselineMs: 2_500, rule: { minCalls: 30 } };
  expect(await failureOf(trial.upgrade(order, { strategy, blueGreen }))).toMatchObject({
    code: 'BAKE_FAILED',
    facts: { step: 'bake', strategy },
  });
  expect(trial.book.calls.some(({ failed }) => failed === 'own')).toBe(true);
  await trial.expectOld();
});

atOnce('one that does as well as is usual keeps it, and the old one is ended', async () => {
  const trial = await Trial.begin(room(), program);
  const report = await trial.upgrade({}, { strategy, blueGreen: { bakeMs: 700, baselineMs: 300 } });
  expect(report).toMatchObject({ strategy, outcome: 'swapped', to: { version: '2.0.0' } });
  expect(report.steps.find(({ step }) => step === 'bake')?.elapsedMs).toBeGreaterThanOrEqual(700);
  await trial.expectNew();
});

atOnce('one that is lost while it is watched gives its place back', async () => {
  const trial = await Trial.begin(room(), program, {}, { single });
  const handle = trial.upgrade({}, { strategy, blueGreen: { bakeMs: longMs, baselineMs: 0 } });
  await reaches(handle, 'bake');
  await poll(
    () => trial.book.of('2.0.0').length,
    (calls) => calls > 5,
  );
  await killNow(trial.newPid());
  expect(await failureOf(handle)).toMatchObject({ code: 'BAKE_FAILED', facts: { step: 'bake' } });
  await trial.expectOld({ lost: single, shares: false });
});

atOnce(
  'given up by hand while it is watched, it gives its place back; promoted, it keeps it at once',
  async () => {
    const trial = await Trial.begin(room(), program);
    const options = { strategy, blueGreen: { bakeMs: longMs, baselineMs: 0 } } as const;
    const first = trial.upgrade({}, options);
    await reaches(first, 'bake');
    await trial.callers.more(50);
    expect(first.abort()).toBe(true);
    expect(await failureOf(first)).toMatchObject({ code: 'ABORTED', facts: { step: 'bake' } });
    expect(trial.pids()).toEqual(trial.oldPids);
    const second = trial.upgrade({}, options);
    await reaches(second, 'bake');
    expect(second.promote()).toBe(true);
    expect(await second).toMatchObject({ outcome: 'swapped', to: { version: '2.0.0' } });
    await trial.expectNew();
  },
);
