import { PluginError, type UpgradeOptions } from '@plugd/host';
import { roomsAtOnce } from '../support/at-once';
import { CanaryProgram } from '../support/canary-program';
import { reachesShare } from '../support/canary-progress';
import { failureOf, killNow } from '../support/host-room';
import { poll } from '../support/poll';
import type { CanaryOrder } from './canary-plugin';
import { Trial } from './canary-trial';

// Whatever becomes of a version on trial, callers have the old one.

// What has a limit of its own asserts it; this one is only for tests that hang.
jest.setTimeout(60_000);

const program = new CanaryProgram();
afterAll(() => program.dispose());

const { atOnce, room } = roomsAtOnce();

/** Longer than any test that ends by itself. */
const longMs = 50_000;
/** Callers of calls that may not be made twice: so many can be with a process when that is lost. */
const single = 4;
type CanaryOptions = NonNullable<UpgradeOptions['canary']>;
const two: CanaryOptions['steps'] = [
  { weight: 50, bakeMs: longMs },
  { weight: 100, bakeMs: 0 },
];

const full = process.env['PLUGD_FULL'] === '1';

atOnce.each(full ? [5, 25, 100] : [100])(
  'killed when it has %d %% of the calls, it is given up',
  async (percent) => {
    const trial = await Trial.begin(room(), program, {}, { single });
    const weights = [5, 25, 100].filter((weight) => weight <= percent);
    const steps = [...weights.map((weight) => ({ weight, bakeMs: weight === percent ? longMs : 0 }))];
    if (percent < 100) steps.push({ weight: 100, bakeMs: longMs });
    const canary = { steps, minCalls: 1, rule: { minCalls: 1 } };
    const handle = trial.upgrade({}, { strategy: 'canary', canary });
    await reachesShare(handle, percent);
    await poll(
      () => trial.book.of('2.0.0').length,
      (calls) => calls > 5,
    );
    await killNow(trial.newPid());
    expect(await failureOf(handle)).toMatchObject({ code: 'BAKE_FAILED', facts: { step: 'shift' } });
    await trial.expectOld({ lost: single, shares: false });
  },
);

const crashes: [string, NonNullable<CanaryOrder['crash']>][] = [
  ['its first call, unanswered,', { atCall: 1, unanswered: true }],
  ['its first answer', { atCall: 1 }],
];

atOnce.each(full ? crashes : crashes.slice(0, 1))(
  'one that crashes after %s is given up',
  async (_, crash) => {
    const trial = await Trial.begin(room(), program, {}, { single });
    const handle = trial.upgrade({ crash }, { strategy: 'canary', canary: { steps: two } });
    expect(await failureOf(handle)).toMatchObject({ code: 'BAKE_FAILED', facts: { step: 'shift' } });
    await trial.expectOld({ lost: single, shares: false });
  },
);

atOnce('one that answers no more is given up when its calls have missed their deadlines', async () => {
  const trial = await Trial.begin(room(), program, {}, { repeatable: 16, single, timeoutMs: 500 });
  const order = { hang: { atCall: 20, what: 'calls' } } as const;
  const canary = { steps: two, rule: { minCalls: 20 } };
  const handle = trial.upgrade(order, { strategy: 'canary', canary });
  expect((await failureOf(handle)).facts).toMatchObject({ step: 'shift' });
  await trial.callers.end();
  const wrong = Object.keys(trial.book.wrong());
  expect(wrong.filter((error) => !error.includes('DEADLINE_EXCEEDED'))).toEqual([]);
  expect(trial.pids()).toEqual(trial.oldPids);
});

const step = (...weights: number[]): CanaryOptions => ({
  steps: weights.map((weight) => ({ weight, bakeMs: 0 })),
});
atOnce('wrong options are refused before anything is started', async () => {
  const trial = await Trial.begin(room(), program);
  const wrong: [string, CanaryOptions][] = [
    ['no step', step()],
    ['no end at 100', step(5, 50)],
    ['unordered', step(50, 25, 100)],
    ['twice the same', step(50, 50, 100)],
    ['0', step(0, 100)],
    ['below 0', step(-5, 100)],
    ['above 100', step(50, 101)],
    ['no number', step(Number.NaN, 100)],
    ['a bake below 0', { steps: [{ weight: 100, bakeMs: -1 }] }],
    ['a step without an end', { ...step(100), maxStepMs: Number.POSITIVE_INFINITY }],
    ['a key that no metadata has', { ...step(100), stickyKey: 'not a key' }],
    ['a rule without metrics', { ...step(100), rule: { metrics: [] } }],
  ];
  const outcomes: [string, string][] = [];
  for (const [what, canary] of wrong) {
    const outcome = await trial.upgrade({}, { strategy: 'canary', canary }).then(
      () => 'swapped',
      (error: unknown) => (error instanceof PluginError ? error.code : String(error)),
    );
    outcomes.push([what, outcome]);
  }
  expect(outcomes).toEqual(wrong.map(([what]) => [what, 'OPTIONS_INVALID']));
  const other = trial.upgrade({}, { strategy: 'overlap', canary: step(100) });
  expect((await failureOf(other)).code).toBe('OPTIONS_INVALID');
  await trial.expectOld();
});

atOnce('one that keeps a state is refused, unless two versions may have their own', async () => {
  const kept = await program.load(room(), { state: 'kept' });
  const canary = step(100);
  const options = program.options(room(), { version: '2.0.0', state: 'kept' });
  expect(await failureOf(kept.upgrade({ ...options, strategy: 'canary', canary }))).toMatchObject({
    code: 'STRATEGY_UNFIT',
    facts: { strategy: 'canary' },
  });
  await kept.stop();
  const trial = await Trial.begin(room(), program, { state: 'shareable' });
  const done = await trial.upgrade({ state: 'shareable' }, { strategy: 'canary', canary });
  expect(done).toMatchObject({ strategy: 'canary', outcome: 'swapped' });
  await trial.expectNew();
});

atOnce('callers who say who they are stay on one side, and none comes back as the share grows', async () => {
  const sticky = { key: 'caller', callers: 40 };
  const trial = await Trial.begin(room(), program, {}, { repeatable: 4, single: 2, sticky, restMs: 5 });
  const keys = Array.from({ length: sticky.callers }, (_, i) => `caller-${i}`);
  const steps = [
    { weight: 20, bakeMs: 250 },
    { weight: 60, bakeMs: 250 },
    { weight: 100, bakeMs: 0 },
  ];
  const handle = trial.upgrade({}, { strategy: 'canary', canary: { steps, stickyKey: sticky.key } });
  const moved = (): number => keys.filter((key) => trial.book.versionsOf(key).includes('2.0.0')).length;
  await reachesShare(handle, 60);
  const atTwenty = moved();
  await handle;
  await trial.expectNew();
  expect(keys.map((key) => trial.book.versionsOf(key))).toEqual(keys.map(() => ['1.0.0', '2.0.0']));
  // A fifth of forty, give or take what the keys' hashes make of it.
  expect(atTwenty).toBeGreaterThan(0);
  expect(atTwenty).toBeLessThan(24);
});

atOnce(
  'where all callers are one, which stays with the old one, the new one is not judged by nothing',
  async () => {
    const trial = await Trial.begin(
      room(),
      program,
      {},
      { repeatable: 0, single: 0, sticky: { key: 'caller', callers: 1 } },
    );
    const canary = {
      steps: [
        { weight: 1, bakeMs: 0 },
        { weight: 100, bakeMs: 0 },
      ],
      stickyKey: 'caller',
      maxStepMs: 700,
    };
    const failure = await failureOf(trial.upgrade({}, { strategy: 'canary', canary }));
    expect(failure).toMatchObject({ code: 'CANARY_INCONCLUSIVE', facts: { step: 'shift' } });
    await trial.expectOld();
  },
);
