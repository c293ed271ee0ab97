import { status } from '@grpc/grpc-js';
import type { LoadOptions, Plugin } from '@plugd/host';
import { CounterDefinition } from '@plugd/protocol/gen/samples/counter/v1/counter';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { RpcError } from '@plugd/protocol/rpc/rpc-error';
import { roomsWith } from '../support/at-once';
import { servingPid } from '../support/host-room';
import { poll } from '../support/poll';
import { Logbook } from './logbook';
import { counted } from './often-crashing';

// What becomes of calls while their plugin restarts: here that lasts until the test lets it come up.

jest.setTimeout(60_000);

const { atOnce, room, plugins: logbook } = roomsWith(() => new Logbook());

/** A plugin that has crashed, and does not come up before the gate is opened. */
async function crashed(restart: NonNullable<LoadOptions['restart']>): Promise<Plugin> {
  const plugin = await logbook().load(room(), { restart });
  logbook().shutGate();
  process.kill(servingPid(plugin), 'SIGKILL');
  await poll(
    () => plugin.status().state,
    (state) => state === 'restarting',
  );
  return plugin;
}

async function comesBack(plugin: Plugin): Promise<void> {
  logbook().openGate();
  await poll(
    () => plugin.status().state,
    (state) => state === 'serving',
  );
}

const add = (plugin: Plugin, key: string, options: { timeoutMs?: number } = {}) =>
  plugin.client(CounterDefinition).put({ key, value: 0 }, options);

async function failure(call: Promise<unknown>): Promise<{ error: RpcError; afterMs: number }> {
  const begin = performance.now();
  const error: unknown = await call.then(
    (answer) => new Error(`it was answered: ${JSON.stringify(answer)}`),
    (reason: unknown) => reason,
  );
  if (!(error instanceof RpcError)) throw error;
  return { error, afterMs: performance.now() - begin };
}

atOnce('without a hold calls fail at once, and say that they were not executed', async () => {
  const plugin = await crashed({ hold: false });
  for (let i = 0; i < 3; i++) {
    const { error } = await failure(add(plugin, `refused-${i}`));
    expect(error).toMatchObject({
      code: status.UNAVAILABLE,
      pluginCode: 'PLUGIN_RESTARTING',
      executed: 'no',
    });
  }
  // All of this was before it was back: no call waited for that.
  expect(plugin.status().state).toBe('restarting');
  expect(counted(room()).held.heldEver).toBe(0);
  await comesBack(plugin);
  expect(await add(plugin, 'later')).toMatchObject({ pid: servingPid(plugin) });
  expect(logbook().executions.map(({ key }) => key)).toEqual(['later']);
});

atOnce(
  'without a hold a call that was in flight is not begun anew either, and says that it may have been executed',
  async () => {
    const plugin = await logbook().load(room(), { restart: { hold: false } });
    logbook().shutGate();
    const call = failure(plugin.client(KvDefinition).get({ key: 'endless' }));
    await poll(
      () => logbook().executions.length,
      (count) => count === 1,
    );
    process.kill(servingPid(plugin), 'SIGKILL');
    expect((await call).error).toMatchObject({
      code: status.UNAVAILABLE,
      pluginCode: 'PLUGIN_RESTARTING',
      executed: 'maybe',
    });
    await comesBack(plugin);
  },
);

atOnce('a call is held up to the limit, and fails then, not executed', async () => {
  const limitMs = 400;
  const plugin = await crashed({ hold: { limitMs } });
  const { error, afterMs } = await failure(add(plugin, 'held'));
  expect(error).toMatchObject({ code: status.UNAVAILABLE, pluginCode: 'HELD_TOO_LONG', executed: 'no' });
  expect(afterMs).toBeGreaterThanOrEqual(limitMs - 1);
  expect(plugin.status().state).toBe('restarting');
  await comesBack(plugin);
  expect(logbook().executions).toEqual([]);
});

atOnce('more calls than may be held are refused at once; those that are held are answered', async () => {
  const plugin = await crashed({ hold: { maxCalls: 5, limitMs: 30_000 } });
  const held = [1, 2, 3, 4, 5].map((i) => add(plugin, `held-${i}`));
  for (let i = 0; i < 3; i++) {
    const { error } = await failure(add(plugin, `refused-${i}`));
    expect(error).toMatchObject({
      code: status.RESOURCE_EXHAUSTED,
      pluginCode: 'HELD_TOO_MANY',
      executed: 'no',
    });
  }
  expect(counted(room()).held).toMatchObject({ held: 5, heldMost: 5, refused: 3 });
  await comesBack(plugin);
  await Promise.all(held);
  expect(
    logbook()
      .executions.map(({ key }) => key)
      .sort(),
  ).toEqual([1, 2, 3, 4, 5].map((i) => `held-${i}`));
});

atOnce('a held call has its own deadline', async () => {
  const plugin = await crashed({ hold: { limitMs: 30_000 } });
  const timeoutMs = 300;
  const { error, afterMs } = await failure(add(plugin, 'late', { timeoutMs }));
  expect(error.code).toBe(status.DEADLINE_EXCEEDED);
  expect(afterMs).toBeGreaterThanOrEqual(timeoutMs - 1);
  expect(counted(room()).held).toMatchObject({ held: 0, heldEver: 1 });
  await comesBack(plugin);
  expect(logbook().executions).toEqual([]);
});

atOnce('a held call that its caller gives up is not executed', async () => {
  const plugin = await crashed({ hold: { limitMs: 30_000 } });
  const caller = new AbortController();
  const { signal } = caller;
  const call = plugin.client(CounterDefinition).put({ key: 'given-up', value: 0 }, { signal });
  const other = add(plugin, 'kept');
  await poll(
    () => counted(room()).held.held,
    (count) => count === 2,
  );
  caller.abort();
  expect((await failure(call)).error.code).toBe(status.CANCELLED);
  await comesBack(plugin);
  await other;
  expect(logbook().executions.map(({ key }) => key)).toEqual(['kept']);
});

atOnce('a stop ends the calls that are held, not executed', async () => {
  const plugin = await crashed({ hold: { limitMs: 30_000 } });
  const call = failure(add(plugin, 'held'));
  await poll(
    () => counted(room()).held.held,
    (count) => count === 1,
  );
  await plugin.stop();
  expect((await call).error).toMatchObject({
    code: status.UNAVAILABLE,
    pluginCode: 'ROUTE_CLOSED',
    executed: 'no',
  });
  expect(logbook().executions).toEqual([]);
});
