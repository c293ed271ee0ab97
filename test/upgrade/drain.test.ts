import { rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { status } from '@grpc/grpc-js';
import { RpcError } from '@plugd/host';
import { KvDefinition, type WatchResponse } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { roomsAtOnce } from '../support/at-once';
import { bundleProgram } from '../support/bundle';
import { reaches, servingPid } from '../support/host-room';
import { describeWithGo } from '../support/needs-go';
import { eventually, isRunning } from '../support/processes';
import { kvGo, kvTs } from '../support/samples';
import { Conversation } from './conversation';

// What has a limit of its own asserts it; this one is only for tests that hang.
jest.setTimeout(60_000);

const { atOnce, room } = roomsAtOnce();

const second = { command: kvTs('2'), version: '2.0.0' };

/** Reads a stream to its end, whichever that is. */
async function readAll(
  stream: AsyncIterable<WatchResponse>,
  onMessage: () => void,
): Promise<{ messages: WatchResponse[]; error: unknown }> {
  const messages: WatchResponse[] = [];
  try {
    for await (const message of stream) {
      messages.push(message);
      onMessage();
    }
    return { messages, error: undefined };
  } catch (error) {
    return { messages, error };
  }
}

atOnce('calls in flight finish on the old one, while new ones go to the new one only', async () => {
  const plugin = await room().load(kvTs('1'));
  const client = plugin.client(KvDefinition);
  const oldPid = servingPid(plugin);
  const conversation = new Conversation(plugin);
  expect(await conversation.say()).toMatchObject({ servedBy: '1.0.0', pid: oldPid });

  const handle = plugin.upgrade(second);
  await reaches(handle, 'drain');
  const newPid = servingPid(plugin);
  expect(newPid).not.toBe(oldPid);
  expect(plugin.status()).toMatchObject({
    state: 'serving',
    version: '2.0.0',
    generation: 2,
    instances: [
      { pid: newPid, state: 'serving', inFlight: 0 },
      { pid: oldPid, state: 'draining', inFlight: 1 },
    ],
  });
  for (let i = 0; i < 50; i++) {
    expect(await client.get({ key: 'k' })).toMatchObject({ servedBy: '2.0.0', pid: newPid });
    expect(await conversation.say()).toMatchObject({ servedBy: '1.0.0', pid: oldPid });
  }
  await conversation.end();
  expect(await handle).toMatchObject({ calls: { drained: 1, cut: 0, failed: 0 }, warnings: [] });
  expect(isRunning(oldPid)).toBe(false);
  expect(plugin.status().instances).toMatchObject([{ pid: newPid, state: 'serving' }]);
});

atOnce('a stream without an end leaves by itself where the plugin hears that it drains', async () => {
  const plugin = await room().load(kvTs('1'), { drainTimeoutMs: 60_000 });
  let messages = 0;
  const reading = readAll(
    plugin.client(KvDefinition).watch({ key: 'k', count: 0, intervalMs: 5 }),
    () => messages++,
  );
  await eventually(() => messages > 0, 5_000, 'the stream runs');
  // It ends long before the limit, or this test would run into its own.
  expect(await plugin.upgrade(second)).toMatchObject({ calls: { drained: 1, cut: 0, failed: 0 } });
  expect((await reading).error).toBeUndefined();
});

describeWithGo('a plugin that is not told of the drain', () => {
  atOnce('has its endless stream cut at the limit, and the caller learns why', async () => {
    const drainTimeoutMs = 400;
    const plugin = await room().load(kvGo('1'), { drainTimeoutMs });
    const oldPid = servingPid(plugin);
    let messages = 0;
    const reading = readAll(
      plugin.client(KvDefinition).watch({ key: 'k', count: 0, intervalMs: 5 }),
      () => messages++,
    );
    await eventually(() => messages > 0, 5_000, 'the stream runs');
    const conversation = new Conversation(plugin);
    await conversation.say();

    const handle = plugin.upgrade({ command: kvGo('2'), version: '2.0.0' });
    await reaches(handle, 'drain');
    await conversation.end();
    const report = await handle;

    expect(report.calls).toMatchObject({ drained: 1, cut: 1, failed: 1 });
    const drain = report.steps.find(({ step }) => step === 'drain');
    expect(drain?.elapsedMs).toBeGreaterThanOrEqual(drainTimeoutMs - 1);
    const { error, messages: received } = await reading;
    expect(error).toBeInstanceOf(RpcError);
    expect(error).toMatchObject({ code: status.UNAVAILABLE, pluginCode: 'DRAIN_TIMEOUT' });
    expect(new Set(received.map(({ pid }) => pid))).toEqual(new Set([oldPid]));
    expect(await plugin.client(KvDefinition).get({ key: 'k' })).toMatchObject({ servedBy: '2.0.0' });
  });
});

atOnce('a plugin that answers UNAVAILABLE by itself while it drains was not lost', async () => {
  const { directory, file } = bundleProgram(resolve(__dirname, 'busy-plugin.ts'));
  try {
    const plugin = await room().load(file);
    const refused = expect(plugin.client(KvDefinition).get({ key: 'k' })).rejects.toMatchObject({
      code: status.UNAVAILABLE,
      details: 'not just now',
    });
    const report = await plugin.upgrade(second);
    await refused;
    expect(report).toMatchObject({ calls: { drained: 1, cut: 0, failed: 0 } });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});

atOnce('a stop lets calls in flight finish, refuses new ones, and cuts what outlives the limit', async () => {
  const plugin = await room().load(kvTs('1'), { drainTimeoutMs: 500 });
  const client = plugin.client(KvDefinition);
  const [kind, stubborn] = [new Conversation(plugin), new Conversation(plugin)];
  await Promise.all([kind.say(), stubborn.say()]);
  const cut = stubborn.failure();
  const stopping = plugin.stop();
  await eventually(() => plugin.status().state === 'stopping', 5_000, 'it is its turn');
  await expect(client.get({ key: 'k' })).rejects.toMatchObject({
    code: status.UNAVAILABLE,
    pluginCode: 'ROUTE_CLOSED',
  });
  await kind.say();
  await kind.end();
  await stopping;
  expect(await cut).toMatchObject({ code: status.UNAVAILABLE, pluginCode: 'DRAIN_TIMEOUT' });
});
