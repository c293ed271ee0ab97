import { CounterDefinition } from '@plugd/protocol/gen/samples/counter/v1/counter';
import { roomsWith } from '../support/at-once';
import { failureOf, killNow, reaches, servingPid } from '../support/host-room';
import { checkLinearizable } from '../support/linearizability';
import { Callers, Handed } from './handed';

// What has a limit of its own asserts it; this one is only for tests that hang.
jest.setTimeout(60_000);

const { atOnce, room, plugins: handed } = roomsWith(() => new Handed());

const v2 = (over = {}) => handed().options(room(), { version: '2.0.0', schema: 2, ...over });

atOnce(
  'what a plugin says of itself decides how it is upgraded, and what it can’t do is refused',
  async () => {
    const single = await handed().load(room(), { single: true });
    expect(await failureOf(single.upgrade({ ...v2(), strategy: 'overlap' }))).toMatchObject({
      code: 'STRATEGY_UNFIT',
      facts: { strategy: 'overlap' },
    });
    const pid = servingPid(single);
    expect(pid).toBe(room().processes()[0]);
    expect(await single.upgrade(v2())).toMatchObject({ strategy: 'recreate', outcome: 'swapped' });
  },
);

atOnce('one that keeps nothing has nothing to hand over', async () => {
  const plugin = await handed().load(room(), { keepsNothing: true });
  const failure = await failureOf(plugin.upgrade({ ...v2({ keepsNothing: true }), strategy: 'handoff' }));
  expect(failure.code).toBe('STRATEGY_UNFIT');
  expect(await plugin.restart()).toMatchObject({ strategy: 'overlap' });
});

atOnce('what keeps state in several instances can only overlap', async () => {
  const plugin = await handed().load(room(), {}, { instances: 2 });
  expect((await failureOf(plugin.restart())).code).toBe('STRATEGY_UNFIT');
  expect(await plugin.upgrade({ ...v2(), strategy: 'overlap' })).toMatchObject({ outcome: 'swapped' });
});

atOnce('a rollback hands the state back, and two of them change nothing', async () => {
  const plugin = await handed().load(room(), { schema: 2 });
  expect((await failureOf(plugin.rollback())).code).toBe('NOTHING_TO_ROLL_BACK');
  await plugin.client(CounterDefinition).put({ key: 'a', value: 5, helper: 0 });
  await plugin.upgrade(v2());
  await plugin.client(CounterDefinition).put({ key: 'a', value: 2, helper: 0 });
  for (const version of ['1.0.0', '2.0.0']) {
    expect(await plugin.rollback()).toMatchObject({ operation: 'rollback', to: { version } });
    expect(await plugin.client(CounterDefinition).get({ key: 'a' })).toMatchObject({
      value: 7,
      servedBy: version,
    });
  }
});

atOnce('calls that may change the state and do not end keep the old one in its place', async () => {
  // Time enough for the second handoff on a busy machine.
  const plugin = await handed().load(room(), {}, { restart: { hold: { limitMs: 2_000 } } });
  const pid = servingPid(plugin);
  const leaving = new AbortController();
  const stays = plugin
    .client(CounterDefinition)
    .put({ key: 'stay', value: 1, helper: 0 }, { signal: leaving.signal });
  stays.catch(() => {});
  const callers = new Callers(plugin);
  await callers.more();
  expect(await failureOf(plugin.upgrade(v2()))).toMatchObject({
    code: 'QUIESCE_TIMEOUT',
    facts: { step: 'quiesce', inFlight: 1 },
  });
  await callers.more();
  expect(servingPid(plugin)).toBe(pid);
  leaving.abort();
  await expect(plugin.upgrade(v2())).resolves.toMatchObject({ strategy: 'handoff' });
  const { entries, errors } = await callers.end();
  expect(errors).toEqual([]);
  expect(await checkLinearizable(entries)).toMatchObject({ linearizable: true, unknown: 0 });
});

atOnce('a version that does not say whether it has the state is told of', async () => {
  const plugin = await handed().load(room(), {});
  handed().tell({ '2.0.0': { check: 'unimplemented' } });
  const { warnings } = await plugin.upgrade(v2());
  expect(warnings.map(({ code }) => code)).toEqual(['STATE_UNCHECKED']);
  // In one schema a second snapshot tells.
  handed().tell({ '3.0.0': { check: 'unimplemented' } });
  expect((await plugin.upgrade(v2({ version: '3.0.0' }))).warnings).toEqual([]);
});

atOnce('one that refuses to pause goes on', async () => {
  const plugin = await handed().load(room(), {});
  handed().tell({ '1.0.0': { pause: 'error' } });
  expect(await failureOf(plugin.upgrade(v2()))).toMatchObject({
    code: 'HANDOFF_FAILED',
    facts: { step: 'pause', why: 'INTERNAL', strategy: 'handoff' },
  });
});

atOnce('a version that crashes while it bakes gives its place back', async () => {
  const plugin = await handed().load(room(), { keepsNothing: true });
  const pid = servingPid(plugin);
  const upgrade = plugin.upgrade({ ...v2({ keepsNothing: true }), bakeMs: 10_000 });
  await reaches(upgrade, 'bake');
  await killNow(servingPid(plugin));
  expect(await failureOf(upgrade)).toMatchObject({ code: 'BAKE_FAILED', facts: { step: 'bake' } });
  expect(servingPid(plugin)).toBe(pid);
});
