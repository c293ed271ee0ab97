import { Metadata, status } from '@grpc/grpc-js';
import type { Plugin } from '@plugd/host';
import { type GetResponse, KvClient, KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { roomsAtOnce } from '../support/at-once';
import { failureOf, killNow, reaches, servingPid } from '../support/host-room';
import { eventually } from '../support/processes';
import { chaosTs, kvTs } from '../support/samples';
import { Conversation } from './conversation';
import { Gate } from './gate';

// What has a limit of its own asserts it; this one is only for tests that hang.
jest.setTimeout(60_000);

const { atOnce, room } = roomsAtOnce();

// What a host does by itself about a crash is tested with supervision.
const notRestarted = { restart: { policy: 'never' } } as const;
const second = { command: kvTs('2'), version: '2.0.0' };

async function crash(plugin: Plugin): Promise<void> {
  await killNow(servingPid(plugin));
  await eventually(() => plugin.status().state === 'failed', 5_000, 'the crash is noticed');
}

/** A call that waits for the plugin to be back, with a limit that it never reaches unless something is wrong. */
function waitingGet(plugin: Plugin): Promise<GetResponse> {
  const stub = plugin.stub(KvClient);
  const options = { deadline: Date.now() + 30_000 };
  return new Promise((resolve, reject) => {
    stub.get({ key: 'k' }, new Metadata({ waitForReady: true }), options, (error, answer) =>
      error ? reject(error) : resolve(answer),
    );
  });
}

atOnce(
  'a plugin that is killed is seen as failed, its calls are refused by name, and nothing of it is left',
  async () => {
    const plugin = await room().load(kvTs('1'), notRestarted);
    const client = plugin.client(KvDefinition);
    const pid = servingPid(plugin);
    const conversation = new Conversation(plugin);
    await conversation.say();
    const lost = conversation.failure();
    await crash(plugin);

    expect(await lost).toMatchObject({ code: status.UNAVAILABLE });
    expect(plugin.status()).toMatchObject({
      state: 'failed',
      version: '1.0.0',
      generation: 1,
      instances: [],
    });
    for (let i = 0; i < 3; i++) {
      await expect(client.get({ key: 'k' })).rejects.toMatchObject({
        code: status.UNAVAILABLE,
        pluginCode: 'PLUGIN_EXITED',
      });
    }
    expect(
      room()
        .events.filter((event) => event.type === 'plugin')
        .at(-1),
    ).toMatchObject({
      from: 'serving',
      to: 'failed',
      cause: { reason: 'crash', code: 'PLUGIN_EXITED' },
    });
    const [said] = room().log.records.filter(({ level }) => level === 'error');
    expect(said?.fields).toMatchObject({ plugin: 'kv', pid });
    await eventually(() => room().files().length === 0, 5_000, 'its directory is gone');
  },
);

atOnce.each([
  ['restart', (plugin: Plugin) => plugin.restart()],
  ['upgrade', (plugin: Plugin) => plugin.upgrade(second)],
])(
  'calls that wait for ready are answered after a crash, when %s has brought the plugin back',
  async (_, bringBack) => {
    const plugin = await room().load(kvTs('1'), notRestarted);
    await crash(plugin);
    let answered = 0;
    const waiting = [1, 2, 3].map(async () => {
      const answer = await waitingGet(plugin);
      answered++;
      return answer;
    });
    await new Promise((next) => setTimeout(next, 100));
    expect(answered).toBe(0);
    const report = await bringBack(plugin);
    expect(report).toMatchObject({
      outcome: 'swapped',
      from: { version: '1.0.0', generation: 1, pid: undefined },
      to: { generation: 2, pid: servingPid(plugin) },
      calls: { drained: 0, cut: 0, failed: 0 },
    });
    expect(report.calls.longestWaitMs).toBeGreaterThanOrEqual(100);
    for (const answer of await Promise.all(waiting)) expect(answer.pid).toBe(servingPid(plugin));
    expect(plugin.status()).toMatchObject({ state: 'serving', version: report.to.version, generation: 2 });
  },
);

atOnce(
  'an upgrade that fails after a crash leaves the plugin failed, and the next one brings it back',
  async () => {
    const plugin = await room().load(kvTs('1'), notRestarted);
    await crash(plugin);
    const env = { ROOM_MARK: room().mark, CHAOS: 'exit:3' };
    const error = await failureOf(plugin.upgrade({ command: chaosTs(), version: '9.0.0', env }));
    expect(error).toMatchObject({ code: 'EXITED_BEFORE_HANDSHAKE', facts: { step: 'start' } });
    expect(plugin.status()).toMatchObject({ state: 'failed', version: '1.0.0' });
    await plugin.restart();
    expect(await plugin.client(KvDefinition).get({ key: 'k' })).toMatchObject({ servedBy: '1.0.0' });
  },
);

atOnce('a crash of the old one while it drains is counted, and the upgrade ends', async () => {
  const plugin = await room().load(kvTs('1'), { ...notRestarted, drainTimeoutMs: 60_000 });
  const oldPid = servingPid(plugin);
  const conversations = [new Conversation(plugin), new Conversation(plugin), new Conversation(plugin)];
  const [first] = conversations;
  for (const conversation of conversations) await conversation.say();
  const handle = plugin.upgrade(second);
  await reaches(handle, 'drain');
  await first?.end();
  const lost = conversations.slice(1).map((conversation) => conversation.failure());
  await killNow(oldPid);

  const report = await handle;
  expect(report).toMatchObject({ outcome: 'swapped', calls: { drained: 1, cut: 0, failed: 2 } });
  for (const failure of lost) expect(await failure).toMatchObject({ code: status.UNAVAILABLE });
  expect(plugin.status()).toMatchObject({ state: 'serving', version: '2.0.0' });
  expect(await plugin.client(KvDefinition).get({ key: 'k' })).toMatchObject({ servedBy: '2.0.0' });
  expect(room().processes()).toEqual([servingPid(plugin)]);
  expect(
    room()
      .events.filter((event) => event.type === 'plugin')
      .map(({ to }) => to),
  ).toEqual(['starting', 'serving']);
});

atOnce('a crash of the old one before the swap does not keep the new one from serving', async () => {
  const plugin = await room().load(kvTs('1'), notRestarted);
  const gate = new Gate();
  const handle = plugin.upgrade({ ...second, verify: () => gate.passed });
  await reaches(handle, 'verify');
  await crash(plugin);
  const waiting = waitingGet(plugin);
  gate.open();
  expect(await handle).toMatchObject({ outcome: 'swapped', to: { version: '2.0.0' } });
  expect(await waiting).toMatchObject({ servedBy: '2.0.0' });
  expect(plugin.status()).toMatchObject({ state: 'serving', instances: [{ state: 'serving' }] });
});

atOnce(
  'a crash right after an upgrade is a crash of the new one, and a restart starts that one again',
  async () => {
    const plugin = await room().load(kvTs('1'), notRestarted);
    await plugin.upgrade(second);
    await crash(plugin);
    expect(plugin.status()).toMatchObject({ state: 'failed', version: '2.0.0', generation: 2 });
    await plugin.restart();
    expect(await plugin.client(KvDefinition).get({ key: 'k' })).toMatchObject({ servedBy: '2.0.0' });
  },
);

atOnce('a plugin that has failed can be stopped', async () => {
  const plugin = await room().load(kvTs('1'), notRestarted);
  await crash(plugin);
  const waiting = waitingGet(plugin).catch((error: unknown) => error);
  await plugin.stop();
  expect(await waiting).toMatchObject({ code: status.UNAVAILABLE });
  expect(plugin.status().state).toBe('stopped');
  await room().load(kvTs('1'), notRestarted);
});

atOnce('a crash while a stop drains ends the stop', async () => {
  const plugin = await room().load(kvTs('1'), { ...notRestarted, drainTimeoutMs: 60_000 });
  const pid = servingPid(plugin);
  const conversation = new Conversation(plugin);
  await conversation.say();
  const lost = conversation.failure();
  const stopping = plugin.stop();
  await eventually(() => plugin.status().state === 'stopping', 5_000, 'it is its turn');
  await killNow(pid);
  await stopping;
  expect(await lost).toMatchObject({ code: status.UNAVAILABLE });
  expect(plugin.status()).toMatchObject({ state: 'stopped', instances: [] });
});
