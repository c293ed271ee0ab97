import { readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { status } from '@grpc/grpc-js';
import { type Plugin, RpcError, reconnecting } from '@plugd/host';
import { type ExchangeResponse, FeedClient, FeedDefinition } from '@plugd/protocol/gen/samples/feed/v1/feed';
import { bundleProgram } from '../support/bundle';
import { FollowedStream } from '../support/followed-stream';
import { HostRoom, killNow, servingPid } from '../support/host-room';
import { goIsHere } from '../support/needs-go';
import { eventually } from '../support/processes';
import { kvGo } from '../support/samples';

// A plugin that does with its streams what it is told to, right or wrong.

jest.setTimeout(60_000);

// What test/unit/routing/resumable-call.test.ts holds too needs processes only in the whole run.
const full = process.env['PLUGD_FULL'] === '1';
const inFull = full ? test : test.skip;

let directory: string;
let command: string;
let room: HostRoom;
beforeAll(() => {
  ({ directory, file: command } = bundleProgram(resolve(__dirname, 'stream-plugin.ts')));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));
beforeEach(async () => {
  room = await HostRoom.open();
});
afterEach(() => room.close());

const descriptors = join(__dirname, '../../proto/src/gen/samples.binpb');

const like = (mode: string, env: Record<string, string> = {}) => ({
  command,
  env: { STREAM_DESCRIPTORS: descriptors, STREAM_MODE: mode, ...env },
});

async function load(mode = 'good', env: Record<string, string> = {}): Promise<Plugin> {
  const { env: all } = like(mode, env);
  // Given, so that nobody has to wait until the plugin has told of itself.
  const contract = [FeedDefinition, readFileSync(descriptors)];
  return room.load(command, { env: all, contract, drainTimeoutMs: 300 });
}

const warned = (): unknown[] =>
  room.log.records
    .filter(({ message }) => message === 'a stream cannot go on over a swap')
    .map(({ fields }) => fields?.['why']);

async function running(stream: FollowedStream, more = 5): Promise<void> {
  const enough = stream.count + more;
  await eventually(() => stream.count >= enough || stream.ended, 10_000, 'the stream goes on');
}

test('a stream whose token the next version refuses ends with the version before it, and counts as failed', async () => {
  const plugin = await load();
  const oldPid = servingPid(plugin);
  const stream = new FollowedStream(plugin, 'client');
  await running(stream);
  // Its plugin is one that hears of the drain and ends it; then nobody is left to go on.
  const report = await plugin.upgrade(like('refuses'));
  await stream.over();
  expect(stream.wrong).toEqual([]);
  expect([...stream.pids]).toEqual([oldPid]);
  expect(stream.error).toMatchObject({
    code: status.OUT_OF_RANGE,
    pluginCode: 'STREAM_NOT_RESUMED',
    executed: 'maybe',
  });
  expect(report.calls).toMatchObject({ cut: 0 });
  expect(report.verdict.lines.find(({ name }) => name === 'calls failed')).toMatchObject({ measured: 1 });
  expect(warned()).toEqual(['its token was refused']);
});

(goIsHere ? test : test.skip)(
  'a stream that is refused stays where nobody ends it, until it is cut',
  async () => {
    // One that is not told of the drain.
    const contract = [FeedDefinition, readFileSync(descriptors)];
    const plugin = await room.load(kvGo('1'), { contract, drainTimeoutMs: 300 });
    const oldPid = servingPid(plugin);
    const stream = new FollowedStream(plugin, 'channel');
    await running(stream);
    const report = await plugin.upgrade({ ...like('refuses'), version: '1.0.0' });
    await stream.over();
    expect(stream.wrong).toEqual([]);
    expect([...stream.pids]).toEqual([oldPid]);
    expect(stream.error).toMatchObject({
      code: status.UNAVAILABLE,
      details: expect.stringMatching(/300 ms/),
    });
    expect(report.calls).toMatchObject({ cut: 1, failed: 1, resumed: 0 });
  },
);

test('a stream that every process ends at is given up after a few', async () => {
  const plugin = await load('crashes');
  const stream = new FollowedStream(plugin, 'client');
  await running(stream);
  await killNow(servingPid(plugin));
  await stream.over();
  expect(stream.wrong).toEqual([]);
  expect(stream.error).toBeInstanceOf(RpcError);
  expect(stream.error).toMatchObject({ code: status.UNAVAILABLE, executed: 'maybe' });
  // The one that was killed, and one for each time that it was opened again.
  expect(room.events.filter(({ type }) => type === 'restart').length).toBeGreaterThan(0);
});

inFull('a version that begins with the last message once more is heard from the next one on', async () => {
  const plugin = await load('inclusive');
  const stream = new FollowedStream(plugin, 'stub');
  for (let i = 0; i < 2; i++) {
    await running(stream);
    expect((await plugin.upgrade(like('inclusive'))).calls).toMatchObject({ resumed: 1, failed: 0 });
  }
  await running(stream);
  await stream.stop();
  expect(stream.wrong).toEqual([]);
  expect(stream.pids.size).toBe(3);
});

inFull.each([
  ['without a token', 'tokenless', 'a message came without a token', {}],
  ['that repeats a token', 'repeats', 'two messages after each other had the same token', {}],
  [
    'of whose messages nobody knows',
    'good',
    expect.stringMatching(/^nobody tells of its messages/),
    { STREAM_DESCRIPTORS: '' },
  ],
])('a stream %s is one like any other, which is said once', async (_, mode, why, env) => {
  // Reflection without descriptors tells of services by their names; the options are known from the definition.
  const { env: all } = like(mode, env);
  const plugin = await room.load(command, { env: all, contract: FeedDefinition, drainTimeoutMs: 300 });
  const streams = [new FollowedStream(plugin, 'client'), new FollowedStream(plugin, 'client')];
  // What its plugin tells of itself is known a moment after the load.
  await eventually(() => warned().length > 0, 10_000, 'it was said');
  await Promise.all(streams.map((stream) => running(stream)));
  const report = await plugin.upgrade(like('good'));
  await Promise.all(streams.map((stream) => stream.over()));
  // They ended with the process that they were on, as it was told to leave.
  for (const stream of streams) {
    expect(stream.error).toBeUndefined();
    expect(stream.pids.size).toBe(1);
  }
  expect(report.calls).toMatchObject({ resumed: 0, drained: 2 });
  // Once for each method that there is something to say of.
  expect([...new Set(warned())]).toEqual([why]);
});

test('streams go on where they were when a handoff is undone', async () => {
  const plugin = await load('good', { STREAM_STATE: '1' });
  const streams = (['client', 'deliver'] as const).map((way) => new FollowedStream(plugin, way));
  await Promise.all(streams.map((stream) => running(stream)));
  await expect(plugin.upgrade(like('unreadable', { STREAM_STATE: '1' }))).rejects.toBeDefined();
  await Promise.all(streams.map((stream) => running(stream)));
  for (const stream of streams) {
    await stream.stop();
    expect(stream.wrong).toEqual([]);
    expect([...stream.pids]).toEqual([servingPid(plugin)]);
  }
});

test('a stream that may be cut counts as cut, and not as failed', async () => {
  const plugin = await load();
  let ticks = 0;
  const reading = (async () => {
    for await (const _ of plugin.client(FeedDefinition).tick({ intervalMs: 5 })) ticks++;
  })();
  const cut = expect(reading).rejects.toMatchObject({ pluginCode: 'DRAIN_TIMEOUT' });
  await eventually(() => ticks > 0, 10_000, 'it ticks');
  const { calls, verdict } = await plugin.upgrade(like('good'));
  await cut;
  expect(calls).toMatchObject({ cut: 1, failed: 0, drained: 0 });
  expect(verdict.lines.find(({ name }) => name === 'availability')).toMatchObject({ measured: 1 });
});

test.each(full ? (['client', 'stub'] as const) : (['stub'] as const))(
  'a conversation by %s is begun anew where the plugin drains',
  async (way) => {
    const plugin = await load();
    const asked: string[] = [];
    const stop = new AbortController();
    const numbers = async function* () {
      for (let number = 1; ; number++) {
        await new Promise((resolve) => setTimeout(resolve, 5));
        yield { number };
      }
    };
    const answers = reconnecting<ExchangeResponse>(
      ({ number, last, options }) => {
        asked.push(`${number} ${last === undefined ? 'first' : 'again'}`);
        if (way === 'client') return plugin.client(FeedDefinition).exchange(numbers(), options);
        const call = plugin.stub(FeedClient).exchange();
        void (async () => {
          for await (const message of numbers()) if (!call.write(message)) break;
        })().catch(() => {});
        return call;
      },
      { signal: stop.signal },
    );
    const pids = new Set<number>();
    let upgrades: Promise<unknown> | undefined;
    try {
      for await (const { pid } of answers) {
        pids.add(pid);
        upgrades ??= plugin.upgrade(like('good')).then(() => plugin.upgrade(like('good')));
        if (pids.size === 3) break;
      }
    } finally {
      await upgrades;
    }
    expect(asked).toEqual(['1 first', '2 again', '3 again']);
  },
);
