import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { status } from '@grpc/grpc-js';
import { type PinnedScope, PluginError } from '@plugd/host';
import { AddHelperDefinition } from '@plugd/protocol/gen/samples/counter/v1/counter';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { roomsAtOnce } from '../support/at-once';
import { failureOf, servingPid } from '../support/host-room';
import { poll } from '../support/poll';
import { chaosTs, kvTs } from '../support/samples';
import { Gate } from './gate';

// What has a limit of its own asserts it; this one is only for tests that hang.
jest.setTimeout(60_000);

const { atOnce, room } = roomsAtOnce();

const second = { command: kvTs('2'), version: '2.0.0' };
setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;
const never = (): Promise<void> => new Promise(() => {});

atOnce('a pinned scope stays with its instance through an upgrade, which waits for it', async () => {
  const plugin = await room().load(kvTs('1'));
  const pid = servingPid(plugin);
  const begun = new Gate();
  const gate = new Gate();
  const scope = plugin.pinned(async (calls) => {
    const client = calls.client(KvDefinition);
    const before = await client.get({ key: 'k' });
    begun.open();
    await gate.passed;
    return [before, await client.get({ key: 'k' })];
  });
  await begun.passed;
  const upgrade = plugin.upgrade(second);
  for await (const { step, phase } of upgrade) {
    if (step !== 'drain' || phase !== 'started') continue;
    // New calls go to the new one while the scope still has the old one.
    expect(await plugin.client(KvDefinition).get({ key: 'k' })).toMatchObject({ servedBy: '2.0.0' });
    gate.open();
  }
  expect(await scope).toMatchObject([
    { pid, servedBy: '1.0.0' },
    { pid, servedBy: '1.0.0' },
  ]);
  expect(await upgrade).toMatchObject({ calls: { drained: 1, cut: 0, failed: 0 } });
});

atOnce('a pinned scope is cut at the drain limit, with its calls and its signal', async () => {
  const plugin = await room().load(kvTs('1'), { drainTimeoutMs: 200 });
  const begun = new Gate();
  let signal: AbortSignal | undefined;
  const calls: Promise<unknown>[] = [];
  const scope = failureOf(
    plugin.pinned(async (pinned) => {
      ({ signal } = pinned);
      calls.push(forEver(pinned).catch((error: unknown) => error));
      begun.open();
      await never();
    }),
  );
  await begun.passed;
  expect(await plugin.upgrade(second)).toMatchObject({
    outcome: 'swapped',
    calls: { drained: 0, cut: 1, failed: 1 },
  });
  expect(await scope).toMatchObject({ code: 'DRAIN_TIMEOUT' });
  expect(signal?.aborted).toBe(true);
  expect(signal?.reason).toBeInstanceOf(PluginError);
  expect(await calls[0]).toMatchObject({ code: status.UNAVAILABLE, pluginCode: 'DRAIN_TIMEOUT' });
});

atOnce('a pinned scope whose process is lost ends with that', async () => {
  const plugin = await room().load(kvTs('1'), { restart: { policy: 'never' } });
  const begun = new Gate();
  const scope = failureOf(
    plugin.pinned(async () => {
      begun.open();
      await never();
    }),
  );
  await begun.passed;
  process.kill(servingPid(plugin), 'SIGKILL');
  expect(await scope).toMatchObject({ code: 'PLUGIN_EXITED' });
  expect(await failureOf(plugin.pinned(() => {}))).toMatchObject({ code: 'PLUGIN_EXITED' });
  await plugin.restart();
  expect(await plugin.pinned(({ version }) => version)).toBe('1.0.0');
});

atOnce('a process keeps nothing of the pinned scopes that it had', async () => {
  const plugin = await room().load(kvTs('1'));
  const results: WeakRef<object>[] = [];
  for (let i = 0; i < 5; i++) {
    await plugin.pinned(async (scope) => {
      const result = await scope.client(KvDefinition).get({ key: 'k' });
      results.push(new WeakRef(result));
      return result;
    });
  }
  await poll(
    () => {
      collectGarbage();
      return results.filter((result) => result.deref() !== undefined).length;
    },
    // The last one may still stand in a register.
    (left) => left <= 1,
  );
});

atOnce('a plugin without a broker says so when it is wanted, and works without', async () => {
  const plugin = await room().load(chaosTs(), { autoMtls: false });
  const scope = plugin.pinned(({ broker }) => broker.serve(AddHelperDefinition, {}));
  expect(await failureOf(scope)).toMatchObject({ code: 'BROKER_UNSUPPORTED' });
  expect(await plugin.client(KvDefinition).get({ key: 'k' })).toMatchObject({ pid: servingPid(plugin) });
});

atOnce('what a pinned scope gave away does not work after its end', async () => {
  const plugin = await room().load(kvTs('1'));
  const thrown = new Error('thrown by the work');
  await expect(plugin.pinned(() => Promise.reject(thrown))).rejects.toBe(thrown);
  const { client, signal } = await plugin.pinned((scope) => ({
    client: scope.client(KvDefinition),
    signal: scope.signal,
  }));
  expect(signal.aborted).toBe(true);
  await expect(client.get({ key: 'k' })).rejects.toMatchObject({ pluginCode: 'ROUTE_CLOSED' });
  await plugin.stop();
  expect(await failureOf(plugin.pinned(() => {}))).toMatchObject({ code: 'PLUGIN_STOPPED' });
});

async function forEver({ client }: PinnedScope): Promise<void> {
  for await (const _ of client(KvDefinition).watch({ key: 'k', count: 1_000_000, intervalMs: 10 }));
}
