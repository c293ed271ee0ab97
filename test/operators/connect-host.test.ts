import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { status } from '@grpc/grpc-js';
import {
  connectHost,
  createHost,
  type HostEvent,
  PluginError,
  type RemoteHost,
  type RpcError,
} from '@plugd/host';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { ProbeDefinition } from '@plugd/protocol/gen/samples/probe/v1/probe';
import { bundleProgram } from '../support/bundle';
import { DaemonRoom } from '../support/daemon';
import { failureOf } from '../support/host-room';
import { goIsHere } from '../support/needs-go';
import { poll } from '../support/poll';
import { RecordingLogger } from '../support/recording-logger';
import { kvGo, kvTs } from '../support/samples';
import { sharedProgram } from './shared-program';

// The one in Go starts in a fraction of the time.
const kv = goIsHere ? kvGo : kvTs;
const options = {
  name: 'kv',
  version: '1.0.0',
  command: kv('1'),
  handshake: { cookie: ['KV_PLUGIN', 'hello'], protocolVersions: [1, 2] },
  startTimeoutMs: 20_000,
} as const;
const full = process.env['PLUGD_FULL'] === '1';
const ends: readonly NodeJS.Signals[] = full ? ['SIGKILL', 'SIGTERM'] : ['SIGKILL'];
// Long enough for what a connection does every ten seconds.
const intervalMs = full ? 5_000 : 20;
const limit = { timeoutMs: 20_000 };

describe('an application that shares a daemon', () => {
  const room = new DaemonRoom();
  const logger = new RecordingLogger();
  const hosts: RemoteHost[] = [];
  beforeAll(() => room.start(), 30_000);
  afterEach(async () => {
    await Promise.all(hosts.splice(0).map((host) => host.close()));
  });
  afterAll(() => room.close());

  async function connect(): Promise<RemoteHost> {
    const host = await connectHost({ socket: room.socket, logger });
    hosts.push(host);
    return host;
  }

  test('sees the same as in a host of its own', async () => {
    const files = { options: { ...options, contract: KvDefinition }, nextCommand: kv('2') };
    const [own, shared] = await Promise.all([
      createHost({ logger }).then((host) => sharedProgram(host, files)),
      connect().then((host) => sharedProgram(host, files)),
    ]);
    expect(asJson(shared.seen)).toEqual(asJson(own.seen));
    expect(asJson(shared.events)).toEqual(asJson(own.events));
  });

  test('calls the same process as another application, and sees what that one does to it', async () => {
    const { directory, file } = bundleProgram(require.resolve('./sharing-program.ts'));
    const host = await connect();
    const plugin = await host.load(options);
    const child = spawn(process.execPath, [file, room.socket, JSON.stringify(options)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const other = async () => JSON.parse(String((await lines.next()).value));
    try {
      const { pid } = await plugin.client(KvDefinition).get({ key: 'k' }, limit);
      expect(await other()).toEqual({ pid, version: '1.0.0' });
      const { to } = await plugin.upgrade({ command: kv('2'), version: '2.0.0' });
      child.stdin.write('\n');
      expect(await other()).toEqual({ pid: to.pid, version: '2.0.0' });
      child.stdin.end();
      await once(child, 'exit');
      // It was not the other's alone.
      expect((await plugin.client(KvDefinition).get({ key: 'k' }, limit)).pid).toBe(to.pid);
    } finally {
      child.kill('SIGKILL');
      rmSync(directory, { recursive: true, force: true });
    }
    await plugin.stop();
  });

  test('reaches its own of two plugins with the same services, and all that one of them offers', async () => {
    const host = await connect();
    const all = await host.loadAll([
      { ...options, name: 'second', dependsOn: ['first'] },
      { ...options, name: 'first' },
    ]);
    for (const plugin of all) {
      const { pid } = await plugin.client(KvDefinition).get({ key: 'k' }, limit);
      expect(pid).toBe(plugin.status().instances[0]?.pid);
      expect(await plugin.client(ProbeDefinition).echo({ payload: Buffer.from('x') }, limit)).toBeDefined();
    }
    const loading = host.loadAll([
      { ...options, name: 'third' },
      { ...options, name: 'fourth', command: '/nowhere' },
    ]);
    expect((await failureOf(loading)).code).toBe('COMMAND_NOT_FOUND');
    const names = () => host.plugins().map(({ name }) => name);
    expect(names().sort()).toEqual(['first', 'second']);

    // Whoever leaves takes nothing along, and his calls go on to their end.
    const leaving = await connect();
    const client = leaving.plugin('first')?.client(KvDefinition);
    const sequences: number[] = [];
    for await (const { sequence } of client?.watch({ key: 'k', count: 3, intervalMs }, limit) ?? []) {
      if (sequence === 1) await leaving.close();
      sequences.push(sequence);
    }
    expect(sequences).toEqual([1, 2, 3]);
    await expect(client?.get({ key: 'k' }, limit)).rejects.toMatchObject({
      code: status.UNAVAILABLE,
      pluginCode: 'HOST_CLOSED',
      executed: 'no',
    });
    await Promise.all(all.map((plugin) => plugin.stop()));
    expect(names()).toEqual([]);
  });

  test.each(ends)(
    'goes on by itself after its daemon had %s and was started again',
    async (signal) => {
      const host = await connect();
      const events: HostEvent[] = [];
      host.on('event', (event) => events.push(event));
      const plugin = await host.load(options);
      const { version } = await upgraded(plugin);
      // One that the daemon has by itself, and this application shares.
      room.shelf.put('listed', '1.0.0', { manifest: 'services: [samples.kv.v1.Kv]\n' });
      await room.runs('listed', '1.0.0');
      const listed = await host.load({ ...options, name: 'listed', version: '0.0.1', command: '/nowhere' });
      const calls = new Calls(() => plugin.client(KvDefinition).get({ key: 'k' }, limit));
      await calls.answered();
      const operation = plugin.upgrade({ command: kv('1'), version: '1.0.0', bakeMs: 60_000 });
      const outcome = operation.then<string, string>(
        (report) => report.outcome,
        (error: unknown) => (error instanceof PluginError ? error.code : String(error)),
      );
      for await (const { step, phase } of operation) if (step === 'bake' && phase === 'started') break;
      await room.end(signal);
      await poll(
        () => plugin.status().state,
        (state) => state === 'failed',
      );
      await room.start();
      // A daemon that ends in order brings what has swapped to its end.
      expect(await outcome).toBe(signal === 'SIGKILL' ? 'DAEMON_UNREACHABLE' : 'swapped');
      await poll(
        () => plugin.status().state,
        (state) => state === 'serving',
      );
      await poll(
        () => listed.status().state,
        (state) => state === 'serving',
      );
      expect([host.plugin('kv'), host.plugin('listed')]).toEqual([plugin, listed]);
      const { pid } = await listed.client(KvDefinition).get({ key: 'k' }, limit);
      await poll(
        () => listed.status().instances[0]?.pid,
        (seen) => seen === pid,
      );
      expect(listed.status().version).toBe('1.0.0');
      await calls.answered();
      const failures = await calls.end();

      // What became of the operation is for the next daemon to say.
      expect(['1.0.0', version]).toContain(plugin.status().version);
      expect(failures.length).toBeGreaterThan(0);
      expect(new Set(failures.map(({ code }) => code))).toEqual(new Set([status.UNAVAILABLE]));
      expect(failures.map(({ pluginCode }) => pluginCode)).toContain('DAEMON_UNREACHABLE');
      const changes = events.filter((event) => event.type === 'plugin');
      const fell = changes.find(
        ({ plugin: name, cause }) => name === 'kv' && cause.reason === 'connection-lost',
      );
      expect(fell).toMatchObject({ to: 'failed', cause: { code: 'DAEMON_UNREACHABLE' } });
      const states = changes.flatMap(({ plugin: name, to }) => (name === 'kv' ? [to] : []));
      expect(states.at(-1)).toBe('serving');
      // Events were lost, and the numbers say so.
      const gaps = events.filter(
        ({ sequence }, index) => sequence !== (events[index - 1]?.sequence ?? 0) + 1,
      );
      expect(gaps).toHaveLength(1);
      await plugin.stop();
      room.shelf.remove('listed');
      await poll(
        () => host.plugins().length,
        (count) => count === 0,
      );
    },
    60_000,
  );
});

/** Callers who go on whatever happens. */
class Calls {
  readonly #failures: RpcError[] = [];
  readonly #callers: Promise<void>[];
  #count = 0;
  #ended = false;

  constructor(call: () => Promise<unknown>) {
    this.#callers = [1, 2, 3].map(async () => {
      while (!this.#ended) {
        await call().then(
          () => void this.#count++,
          (error: RpcError) => void this.#failures.push(error),
        );
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    });
  }

  /** Resolves when there are more answers. */
  async answered(): Promise<void> {
    const before = this.#count;
    await poll(
      () => this.#count,
      (count) => count > before + 20,
    );
  }

  async end(): Promise<readonly RpcError[]> {
    this.#ended = true;
    await Promise.all(this.#callers);
    return this.#failures;
  }
}

async function upgraded(plugin: NonNullable<ReturnType<RemoteHost['plugin']>>) {
  const { to } = await plugin.upgrade({ command: kv('2'), version: '2.0.0' });
  return to;
}

/** What is undefined is as good as left out. */
function asJson(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}
