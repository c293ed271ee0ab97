import type { Traffic, UpgradeStrategy } from '@plugd/host';
import { roomsAtOnce } from '../support/at-once';
import { CanaryProgram } from '../support/canary-program';
import { failureOf } from '../support/host-room';
import { poll } from '../support/poll';
import { Trial } from './canary-trial';

// Whatever an application's own strategy does, the loop around it holds.

// What has a limit of its own asserts it; this one is only for tests that hang.
jest.setTimeout(60_000);

const program = new CanaryProgram();
afterAll(() => program.dispose());

const { atOnce, room } = roomsAtOnce();

const own = (run: UpgradeStrategy['run'], bake?: UpgradeStrategy['bake']): UpgradeStrategy => ({
  name: 'own',
  run,
  ...(bake === undefined ? {} : { bake }),
});

/** Splits, and goes on when the new one has answered a call. */
const half = async (traffic: Traffic): Promise<void> => {
  let answered = false;
  traffic.new.observe(() => {
    answered = true;
  });
  traffic.split(50);
  traffic.progress({ message: 'half of the calls', percentNew: 50 });
  while (!answered) await traffic.wait(5);
};

atOnce('one that never ends is given up at its limit, and can do nothing afterwards', async () => {
  const trial = await Trial.begin(room(), program);
  let kept: Traffic | undefined;
  const strategy = own(async (traffic) => {
    kept = traffic;
    await half(traffic);
    await new Promise(() => {});
  });
  const failure = await failureOf(trial.upgrade({}, { strategy, shiftTimeoutMs: 1_500 }));
  expect(failure).toMatchObject({
    code: 'STRATEGY_TIMEOUT',
    facts: { strategy: 'custom', limitMs: 1_500, step: 'shift' },
  });
  expect(() => kept?.split(50)).toThrow(expect.objectContaining({ code: 'ABORTED' }));
  expect(() => kept?.tap(undefined)).toThrow(expect.objectContaining({ code: 'ABORTED' }));
  await expect(kept?.new.resize(3)).rejects.toMatchObject({ code: 'ABORTED' });
  await expect(kept?.wait(10)).rejects.toMatchObject({ code: 'ABORTED' });
  await trial.expectOld();
});

atOnce('what it throws is why the upgrade failed, and all is as it was before', async () => {
  const trial = await Trial.begin(room(), program, {}, {}, { instances: 2 });
  const moon = new Error('the moon\u001b[2J is full');
  const strategy = own(async (traffic) => {
    await half(traffic);
    await traffic.old.resize(1);
    throw moon;
  });
  const failure = await failureOf(trial.upgrade({}, { strategy }));
  expect(failure).toMatchObject({ code: 'STRATEGY_FAILED', fault: 'caller', cause: moon });
  expect(failure.summary).toBe('The strategy own of plugin canary threw: Error: the moon\\x1b[2J is full');
  expect(failure.facts).toMatchObject({ step: 'shift', strategy: 'custom' });
  expect(failure.facts).not.toHaveProperty('warnings');
  await trial.expectOld({ samePids: false });
});

atOnce('what it throws where it hears of calls harms none of them, and is logged once', async () => {
  const { host, log } = room();
  host.observeCalls(() => {
    throw new Error('the meter is broken');
  });
  const trial = await Trial.begin(room(), program);
  const strategy = own(async (traffic) => {
    traffic.old.observe(async () => {
      throw new Error('its promise is broken');
    });
    traffic.new.observe(() => {
      throw new Error('it is broken');
    });
    await half(traffic);
    await trial.callers.more();
  });
  expect(await trial.upgrade({}, { strategy })).toMatchObject({
    outcome: 'swapped',
    calls: { cut: 0, failed: 0 },
  });
  await trial.expectNew();
  const said = log.records.filter(({ message }) => message === 'an observer of calls threw');
  expect(said.map(({ fields }) => fields)).toEqual(
    expect.arrayContaining([
      { plugin: trial.plugin.name, error: 'Error: the meter is broken' },
      expect.objectContaining({
        plugin: trial.plugin.name,
        generation: 1,
        error: 'Error: its promise is broken',
      }),
      expect.objectContaining({ plugin: trial.plugin.name, generation: 2, error: 'Error: it is broken' }),
    ]),
  );
  expect(said).toHaveLength(3);
});

atOnce('what it watches after the swap can still bring the old one back', async () => {
  const trial = await Trial.begin(room(), program);
  const strategy = own(half, async (traffic) => {
    expect(() => traffic.split(50)).toThrow(expect.objectContaining({ code: 'ABORTED' }));
    await traffic.wait(100);
    throw new Error('it has a strange smell');
  });
  const { code, facts } = await failureOf(trial.upgrade({}, { strategy }));
  expect({ code, facts }).toMatchObject({ code: 'STRATEGY_FAILED', facts: { step: 'bake' } });
  expect(facts).not.toHaveProperty('warnings');
  await trial.expectOld();
});

atOnce('its bake ends by hand: by promotion with the new one, else with the old one', async () => {
  const trial = await Trial.begin(room(), program);
  const strategy = own(half, (traffic) => traffic.wait(50_000));
  const abandoned = trial.upgrade({}, { strategy });
  for await (const { step, phase } of abandoned) {
    if (step === 'bake' && phase === 'started') expect(abandoned.abort()).toBe(true);
  }
  expect(await failureOf(abandoned)).toMatchObject({ code: 'ABORTED', facts: { step: 'bake' } });
  const promoted = trial.upgrade({}, { strategy });
  for await (const { step, phase } of promoted) {
    if (step === 'bake' && phase === 'started') expect(promoted.promote()).toBe(true);
  }
  expect(await promoted).toMatchObject({ outcome: 'swapped', strategy: 'custom' });
  expect([promoted.promote(), promoted.abort()]).toEqual([false, false]);
  await trial.expectNew();
});

atOnce('a dry run proves the new one, and lets it have no call', async () => {
  const trial = await Trial.begin(room(), program);
  const run = jest.fn(async () => {});
  const report = await trial.upgrade({}, { strategy: own(run), dryRun: true });
  expect(report).toMatchObject({ outcome: 'verified', strategy: 'custom' });
  expect(run).not.toHaveBeenCalled();
  await trial.expectOld();
});

atOnce('a plugin that is stopped meanwhile waits for nobody', async () => {
  const trial = await Trial.begin(room(), program);
  const handle = trial.upgrade({}, { strategy: own(async (traffic) => traffic.wait(50_000)) });
  await poll(
    () => room().processes(),
    (pids) => pids.length === 2,
  );
  await trial.callers.end();
  await trial.plugin.stop();
  expect((await failureOf(handle)).code).toBe('PLUGIN_STOPPED');
  expect(room().processes()).toEqual([]);
});

describe('blue-green', () => {
  const rule = { metrics: [{ metric: 'errors', against: 'absolute', threshold: 0.02 } as const] };

  atOnce('a version that fails calls gives its place back, and only its own failures were seen', async () => {
    const trial = await Trial.begin(room(), program);
    const blueGreen = { baselineMs: 0, bakeMs: 50_000, rule };
    const handle = trial.upgrade({ errors: { share: 0.3, code: 13 } }, { strategy: 'blue-green', blueGreen });
    expect(await failureOf(handle)).toMatchObject({ code: 'BAKE_FAILED', facts: { step: 'bake' } });
    await trial.expectOld();
  });

  atOnce('one that does well takes over, and the old one can be kept beyond the bake', async () => {
    const trial = await Trial.begin(room(), program);
    const blueGreen = { baselineMs: 0, bakeMs: 500, rule };
    const report = await trial.upgrade({}, { strategy: 'blue-green', blueGreen, keepWarmMs: 50_000 });
    expect(report).toMatchObject({ outcome: 'swapped', calls: { failed: 0 } });
    expect(report.shift?.progress.at(-1)).toMatchObject({ percentNew: 100 });
    expect(await trial.plugin.rollbackPlan()).toMatchObject({ from: 'warm', version: '1.0.0' });
    await trial.plugin.rollback();
    // What the rollback gave back, the trial does not know of.
    await trial.expectOld({ shares: false });
  });
});
