import { CounterDefinition } from '@plugd/protocol/gen/samples/counter/v1/counter';
import { roomsWith } from '../support/at-once';
import { failureOf, killNow, reaches, servingPid } from '../support/host-room';
import { checkLinearizable } from '../support/linearizability';
import { poll } from '../support/poll';
import { Callers, Handed } from './handed';

// A version that does not last gives its place back.

// What has a limit of its own asserts it; this one is only for tests that hang.
jest.setTimeout(60_000);

const { atOnce, room, plugins: handed } = roomsWith(() => new Handed());

const bakeMs = 20_000;
const restart = { hold: { limitMs: 10_000 } };

atOnce('by overlap: the old one serves again, and no call that may be repeated fails', async () => {
  const plugin = await handed().load(room(), { keepsNothing: true }, { restart });
  const pid = servingPid(plugin);
  let ending = false;
  const failures: unknown[] = [];
  const readers = Array.from({ length: 8 }, async () => {
    while (!ending) {
      await plugin
        .client(CounterDefinition)
        .get({ key: 'a' }, { timeoutMs: 20_000 })
        .catch((error: unknown) => failures.push(error));
      await new Promise((next) => setTimeout(next, 1));
    }
  });
  const upgrade = plugin.upgrade({
    ...handed().options(room(), { version: '2.0.0', keepsNothing: true }),
    bakeMs,
  });
  await reaches(upgrade, 'bake');
  await poll(
    () => plugin.client(CounterDefinition).get({ key: 'a' }),
    ({ servedBy }) => servedBy === '2.0.0',
  );
  await killNow(servingPid(plugin));
  expect(await failureOf(upgrade)).toMatchObject({ code: 'BAKE_FAILED', facts: { step: 'bake' } });
  expect(plugin.status()).toMatchObject({ version: '1.0.0', state: 'serving' });
  expect(servingPid(plugin)).toBe(pid);
  await poll(
    () => room().processes(),
    (pids) => pids.length === 1,
  );
  ending = true;
  await Promise.all(readers);
  expect(failures).toEqual([]);
});

atOnce('by handoff: the old version is begun again with the state that was handed over', async () => {
  const plugin = await handed().load(room(), {}, { restart });
  const counter = plugin.client(CounterDefinition);
  await counter.put({ key: 'a', value: 5, helper: 0 });
  const upgrade = plugin.upgrade({ ...handed().options(room(), { version: '2.0.0' }), bakeMs });
  await reaches(upgrade, 'bake');
  expect(await counter.get({ key: 'a' })).toMatchObject({ value: 5, servedBy: '2.0.0' });
  await killNow(servingPid(plugin));
  expect(await failureOf(upgrade)).toMatchObject({
    code: 'BAKE_FAILED',
    facts: { step: 'bake', outcome: 'rolled-back' },
  });
  expect(await counter.get({ key: 'a' })).toMatchObject({ value: 5, servedBy: '1.0.0' });
  await poll(
    () => room().processes(),
    (pids) => pids.length === 1,
  );
  expect(room().processes()).toEqual([servingPid(plugin)]);
});

atOnce(
  'by handoff: a version that misses what is expected of it hands back all that was counted',
  async () => {
    const plugin = await handed().load(room(), {}, { restart });
    const callers = new Callers(plugin);
    await callers.more();
    const upgrade = plugin.upgrade({
      ...handed().options(room(), { version: '2.0.0' }),
      bakeMs: 200,
      expect: { strict: true, wholeBeyondStartMs: 0 },
    });
    await reaches(upgrade, 'bake');
    await callers.more();
    expect(await failureOf(upgrade)).toMatchObject({
      code: 'EXPECTATION_MISSED',
      facts: { step: 'bake', outcome: 'rolled-back' },
    });
    expect(plugin.status()).toMatchObject({ version: '1.0.0', state: 'serving' });
    await callers.more();
    expect(room().processes()).toEqual([servingPid(plugin)]);
    const { entries, errors } = await callers.end();
    expect(errors).toEqual([]);
    expect(await checkLinearizable(entries)).toMatchObject({ linearizable: true, unknown: 0 });
  },
);

atOnce('by handoff: what no version can meet does not keep the old one from coming back', async () => {
  const plugin = await handed().load(
    room(),
    {},
    { restart, expect: { strict: true, wholeBeyondStartMs: 0 } },
  );
  const counter = plugin.client(CounterDefinition);
  await counter.put({ key: 'a', value: 5, helper: 0 });
  expect(await failureOf(plugin.upgrade(handed().options(room(), { version: '2.0.0' })))).toMatchObject({
    code: 'EXPECTATION_MISSED',
    facts: { step: 'bake', outcome: 'rolled-back' },
  });
  expect(await counter.get({ key: 'a' })).toMatchObject({ value: 5, servedBy: '1.0.0' });
  expect(room().processes()).toEqual([servingPid(plugin)]);
});

atOnce('where the way back fails, the new one stays, and nothing is left of the old one', async () => {
  const plugin = await handed().load(room(), {}, { restart });
  const counter = plugin.client(CounterDefinition);
  await counter.put({ key: 'a', value: 5, helper: 0 });
  const upgrade = plugin.upgrade({
    ...handed().options(room(), { version: '2.0.0' }),
    bakeMs: 200,
    expect: { strict: true, wholeBeyondStartMs: 0 },
  });
  await reaches(upgrade, 'bake');
  handed().tell({ '1.0.0': { restore: 'error' } });
  const { code, facts } = await failureOf(upgrade);
  expect(code).toBe('EXPECTATION_MISSED');
  expect(facts).toMatchObject({
    outcome: 'not-rolled-back',
    rollback: expect.stringContaining('HANDOFF_FAILED'),
  });
  expect(await counter.get({ key: 'a' })).toMatchObject({ value: 5, servedBy: '2.0.0' });
  expect(room().processes()).toEqual([servingPid(plugin)]);
  handed().tell({});
  // What runs is what is changed from now on.
  const mild = { expect: { strict: false } };
  expect(await plugin.upgrade(mild)).toMatchObject({ from: { version: '2.0.0' }, to: { version: '2.0.0' } });
  expect(await plugin.upgrade(handed().options(room(), { version: '3.0.0' }))).toMatchObject({
    outcome: 'swapped',
  });
  expect(await counter.get({ key: 'a' })).toMatchObject({ value: 5, servedBy: '3.0.0' });
});

atOnce('what lasts is kept, with all that was counted', async () => {
  const plugin = await handed().load(room(), {}, { restart });
  const callers = new Callers(plugin);
  await callers.more();
  const report = await plugin.upgrade({ ...handed().options(room(), { version: '2.0.0' }), bakeMs: 300 });
  expect(report.steps.map(({ step }) => step)).toContain('bake');
  await callers.more();
  expect(room().processes()).toEqual([servingPid(plugin)]);
  const { entries, errors } = await callers.end();
  expect(errors).toEqual([]);
  expect(await checkLinearizable(entries)).toMatchObject({ linearizable: true, unknown: 0 });
});
