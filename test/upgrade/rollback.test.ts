import type { Plugin } from '@plugd/host';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { testsAtOnce } from '../support/at-once';
import { CounterRoom, put, read } from '../support/counter-room';
import { HostRoom } from '../support/host-room';
import { goIsHere } from '../support/needs-go';
import { counterGo, counterTs, kvGo, kvTs } from '../support/samples';

const { atOnce, own } = testsAtOnce(async () => {
  const opened: { close(): Promise<void> }[] = [];
  const close = async () => {
    await Promise.all(opened.map((room) => room.close()));
  };
  return { opened, close };
});
const withGo = goIsHere ? atOnce : test.skip;

async function kvRoom(): Promise<HostRoom> {
  const room = await HostRoom.open();
  own().opened.push(room);
  return room;
}

const kv = goIsHere ? kvGo : kvTs;
const first = { version: '1.0.0', command: kv('1') };
const second = { version: '2.0.0', command: kv('2') };
const pidsOf = (plugin: Plugin) => plugin.status().instances.map(({ pid }) => pid);
const served = async (plugin: Plugin) => {
  const { servedBy } = await plugin.client(KvDefinition).get({ key: 'k' });
  return servedBy;
};

atOnce(
  'a rollback starts the former version by its command, and a second one goes forward again',
  async () => {
    const plugin = await (await kvRoom()).load(first.command);
    await expect(plugin.rollback()).rejects.toMatchObject({ code: 'NOTHING_TO_ROLL_BACK' });
    await expect(plugin.rollbackPlan()).rejects.toMatchObject({ code: 'NOTHING_TO_ROLL_BACK' });
    await plugin.upgrade(second);
    expect(await plugin.rollbackPlan()).toEqual({
      version: '1.0.0',
      from: 'command',
      strategy: 'overlap',
      state: undefined,
      lost: undefined,
    });
    expect(await plugin.rollback()).toMatchObject({
      operation: 'rollback',
      from: { version: '2.0.0' },
      to: { version: '1.0.0' },
    });
    expect(await served(plugin)).toBe('1.0.0');
    await plugin.rollback();
    expect(await served(plugin)).toBe('2.0.0');
  },
);

atOnce('what is kept warm serves again without a start', async () => {
  const plugin = await (await kvRoom()).load(first.command);
  const [pid] = pidsOf(plugin);
  const report = await plugin.upgrade({ ...second, keepWarmMs: 60_000 });
  expect(report.steps.map(({ step }) => step)).not.toContain('stop');
  expect(pidsOf(plugin)).toContain(pid);
  expect(await plugin.rollbackPlan()).toMatchObject({ version: '1.0.0', from: 'warm' });
  // One that has not begun has not taken it.
  const given = plugin.rollback();
  expect(given.abort()).toBe(true);
  await expect(given).rejects.toMatchObject({ code: 'ABORTED' });
  expect(await plugin.rollbackPlan()).toMatchObject({ version: '1.0.0', from: 'warm' });
  await plugin.rollback();
  expect(pidsOf(plugin)).toEqual([pid]);
  expect(await served(plugin)).toBe('1.0.0');
});

atOnce('a call in flight on the version that is kept warm goes on there', async () => {
  const plugin = await (await kvRoom()).load(first.command);
  let end = () => {};
  const scope = plugin.pinned(async ({ client, version }) => {
    await new Promise<void>((resolve) => {
      end = resolve;
    });
    return [version, (await client(KvDefinition).get({ key: 'k' })).servedBy];
  });
  await plugin.upgrade({ ...second, keepWarmMs: 60_000 });
  end();
  expect(await scope).toEqual(['1.0.0', '1.0.0']);
});

atOnce(
  'what is kept warm goes when its time is over, before the next operation, and with its plugin',
  async () => {
    const room = await kvRoom();
    const plugin = await room.load(first.command);
    await plugin.upgrade({ ...second, keepWarmMs: 50 });
    while (pidsOf(plugin).length > 1) await new Promise((resolve) => setTimeout(resolve, 10));
    expect(await plugin.rollbackPlan()).toMatchObject({ from: 'command' });
    await plugin.upgrade({ ...first, keepWarmMs: 60_000 });
    expect(pidsOf(plugin)).toHaveLength(2);
    await plugin.restart();
    expect(pidsOf(plugin)).toHaveLength(1);
    await plugin.upgrade({ ...second, keepWarmMs: 60_000 });
    await plugin.stop();
    expect(room.processes()).toEqual([]);
  },
);

atOnce('a warm version that has died is started by its command', async () => {
  const plugin = await (await kvRoom()).load(first.command);
  const [pid = 0] = pidsOf(plugin);
  await plugin.upgrade({ ...second, keepWarmMs: 60_000 });
  process.kill(pid, 'SIGKILL');
  while (pidsOf(plugin).length > 1) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(await plugin.rollbackPlan()).toMatchObject({ from: 'command' });
  await plugin.rollback();
  expect(await served(plugin)).toBe('1.0.0');
});

/** The keys of states that are kept, as they are there when calls begin to wait. */
async function keysWhenHeld(room: HostRoom, upgrade: () => PromiseLike<unknown>): Promise<string[]> {
  let keys: string[] = [];
  room.host.on('event', (event) => {
    if (event.type !== 'operation' || event.step !== 'hold' || event.phase !== 'started') return;
    keys = room.files().filter((path) => /snapshots.key$/.test(path));
  });
  await upgrade();
  return keys;
}

withGo(
  'state goes back by migration, or from the snapshot that the plan names',
  async () => {
    const room = await CounterRoom.open();
    own().opened.push(room);
    const plugin = await room.load(counterGo('1'));
    const value = () => plugin.pinned(async (scope) => (await read(scope, 'k')).value);
    await plugin.pinned((scope) => put(scope, 'k', 1));
    const keys = await keysWhenHeld(room.room, () =>
      plugin.upgrade({ version: '2.0.0', command: counterTs('2'), keepWarmMs: 60_000 }),
    );
    expect(keys).toHaveLength(1);
    expect(pidsOf(plugin)).toHaveLength(1);
    await plugin.pinned((scope) => put(scope, 'k', 10));
    expect(await plugin.rollbackPlan()).toMatchObject({
      from: 'command',
      strategy: 'handoff',
      state: { from: 'handoff' },
      lost: undefined,
    });
    await plugin.rollback();
    expect(plugin.status().version).toBe('1.0.0');
    expect(await value()).toBe(11);

    await plugin.rollback();
    await plugin.pinned((scope) => put(scope, 'k', 100));
    const plan = await plugin.rollbackPlan({ state: 'snapshot' });
    expect(plan).toMatchObject({
      version: '1.0.0',
      state: { from: 'snapshot', schema: 1, bytes: expect.any(Number), ageMs: expect.any(Number) },
      lost: expect.stringContaining('what has changed of its state in the last'),
    });
    await plugin.rollback({ state: 'snapshot' });
    expect(plugin.status().version).toBe('1.0.0');
    expect(await value()).toBe(11);
  },
  30_000,
);
