import { setTimeout as sleep } from 'node:timers/promises';
import { connectHost, type HostEvent, type RemoteHost } from '@plugd/host';
import type { AdminDefinition } from '@plugd/protocol/gen/plugd/admin/v1/admin';
import { PluginError } from '@plugd/protocol/plugin-error';
import type { ServiceImplementation } from '@plugd/protocol/rpc/service';
import { toRpcError } from '../../../host/src/admin/error-wire';
import { EventBuffer } from '../../../host/src/admin/event-buffer';
import { asStruct } from '../../../host/src/admin/struct';
import { DaemonPlugins } from '../../../host/src/remote/daemon-plugins';
import { poll } from '../../support/poll';
import { RecordingLogger } from '../../support/recording-logger';
import { AdminPlace, failureOf } from '../admin/admin-place';

type Methods = Partial<ServiceImplementation<AdminDefinition>>;

/** A daemon whose one plugin, kv, is what a test says. */
class Daemon {
  readonly place = new AdminPlace();
  readonly logger = new RecordingLogger();
  readonly hosts: RemoteHost[] = [];
  events = new EventBuffer(50);
  startedAt = 1;
  state: string | undefined = 'serving';
  #sequence = 0;

  readonly methods: Methods = {
    getDaemon: () => ({
      pid: 1,
      startedAt: this.startedAt,
      frontDoor: `unix:${this.place.socket}-door`,
      eventSequence: this.events.latest,
    }),
    listPlugins: () => ({ plugins: this.state === undefined ? [] : [{ name: 'kv' }] }),
    describePlugin: ({ plugin }) => {
      const { state } = this;
      if (state === undefined || plugin !== 'kv')
        throw toRpcError(new PluginError('PLUGIN_NOT_FOUND', 'It is not here.'));
      const snapshot = { name: 'kv', state, version: '1.0.0', generation: this.startedAt, instances: [] };
      return { snapshot, eventSequence: this.events.latest };
    },
    watchEvents: async function* (
      this: Daemon,
      { afterSequence, follow }: { afterSequence: number; follow: boolean },
      { signal }: { signal: AbortSignal },
    ) {
      for await (const { event, dropped } of this.events.read({ afterSequence, follow }, signal))
        yield { event: asStruct(event), dropped };
    }.bind(this),
  };

  tell(event: Partial<HostEvent> = {}): void {
    const sequence = ++this.#sequence;
    const base = {
      type: 'artifact',
      plugin: 'none',
      version: '1.0.0',
      phase: 'found',
      cause: { reason: 'directory' },
    };
    this.events.add({ ...base, ...event, sequence, time: Date.now() } as HostEvent);
  }

  /** Another process, which has told nothing yet. */
  another(): void {
    this.startedAt++;
    this.events = new EventBuffer(50);
    this.#sequence = 0;
  }

  async connect(): Promise<{ host: RemoteHost; seen: HostEvent[] }> {
    const host = await connectHost({ socket: this.place.socket, logger: this.logger });
    this.hosts.push(host);
    const seen: HostEvent[] = [];
    host.on('event', (event) => seen.push(event));
    return { host, seen };
  }

  async close(): Promise<void> {
    await Promise.all(this.hosts.map((host) => host.close()));
    this.place.close();
  }
}

let daemon: Daemon;
beforeEach(() => {
  daemon = new Daemon();
});
afterEach(() => daemon.close());

test('without a daemon there is nothing to connect to', async () => {
  expect(await failureOf(connectHost({ socket: daemon.place.socket }))).toMatchObject({
    code: 'DAEMON_UNREACHABLE',
  });
});

test('a daemon without a front door is refused, since nobody could call', async () => {
  await daemon.place.serve({ ...daemon.methods, getDaemon: () => ({ frontDoor: '' }) });
  expect(await failureOf(daemon.connect())).toMatchObject({ code: 'FRONT_DOOR_MISSING' });
});

test('what happened before the connecting is not told, and what happens is numbered from 1', async () => {
  await daemon.place.serve(daemon.methods);
  for (let i = 0; i < 5; i++) daemon.tell();
  const { seen } = await daemon.connect();
  for (let i = 0; i < 3; i++) daemon.tell({ version: `1.0.${i}` });
  await poll(
    () => seen.length,
    (count) => count === 3,
  );
  expect(seen.map(({ sequence }) => sequence)).toEqual([1, 2, 3]);
});

test('events that come faster than they are read are missing by number, and the daemon keeps none for it', async () => {
  await daemon.place.serve(daemon.methods);
  const { seen } = await daemon.connect();
  daemon.tell();
  await poll(
    () => seen.length,
    (count) => count === 1,
  );
  // In one go: nobody can read in between, and only 50 are kept.
  for (let i = 0; i < 500; i++) daemon.tell();
  await poll(
    () => seen.at(-1)?.sequence,
    (last) => last === 501,
  );
  expect(seen).toHaveLength(51);
  expect(seen[1]?.sequence).toBe(452);
});

test('a reader that stops reading holds nothing up, and is told how much it has missed', async () => {
  await daemon.place.serve(daemon.methods);
  const admin = await daemon.place.connect();
  daemon.tell();
  const events = admin.watchEvents({ follow: true })[Symbol.asyncIterator]();
  await events.next();
  for (let i = 0; i < 3_000; i++) {
    daemon.tell({ cause: { reason: 'directory', message: 'x'.repeat(1_000) } });
    if (i % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  let count = 1;
  let dropped = 0;
  for (;;) {
    const { value } = await events.next();
    count++;
    dropped += value.dropped;
    if (value.event?.['sequence'] === 3_001) break;
  }
  await events.return?.();
  expect(count + dropped).toBe(3_001);
  expect(dropped).toBeGreaterThan(1_000);
});

test('a listener that throws is logged, and hurts nobody', async () => {
  await daemon.place.serve(daemon.methods);
  const { host, seen } = await daemon.connect();
  host.on('event', () => {
    throw new Error('mine');
  });
  host.on('event', async () => {
    throw new Error('later');
  });
  daemon.tell();
  await poll(
    () => seen.length,
    (count) => count === 1,
  );
  await poll(
    () => daemon.logger.records.filter(({ level }) => level === 'error').length,
    (count) => count === 2,
  );
});

test('a lost daemon is told of, and so is its return', async () => {
  const server = await daemon.place.serve(daemon.methods);
  const { host, seen } = await daemon.connect();
  const plugin = host.plugin('kv');
  expect(plugin?.status()).toMatchObject({ state: 'serving', generation: 1 });
  server.forceShutdown();
  await poll(
    () => plugin?.status().state,
    (state) => state === 'failed',
  );
  expect(seen).toMatchObject([
    { plugin: 'kv', from: 'serving', to: 'failed', cause: { code: 'DAEMON_UNREACHABLE' } },
  ]);
  // The same process as before: it was the connection alone.
  await daemon.place.serve(daemon.methods);
  await poll(
    () => plugin?.status().state,
    (state) => state === 'serving',
  );
  expect(seen.at(-1)).toMatchObject({
    from: 'failed',
    to: 'serving',
    cause: { reason: 'attached' },
    sequence: 2,
  });
});

test('another daemon tells all that has happened in it, after a gap', async () => {
  const server = await daemon.place.serve(daemon.methods);
  const { host, seen } = await daemon.connect();
  for (let i = 0; i < 3; i++) daemon.tell();
  await poll(
    () => seen.length,
    (count) => count === 3,
  );
  const plugin = host.plugin('kv');
  server.forceShutdown();
  await poll(
    () => plugin?.status().state,
    (state) => state === 'failed',
  );
  daemon.another();
  daemon.state = undefined;
  await daemon.place.serve(daemon.methods);
  await sleep(200);
  // It may come yet: it is as it was left.
  expect(host.plugin('kv')).toBe(plugin);
  expect(plugin?.status().state).toBe('failed');
  daemon.state = 'serving';
  daemon.tell({ type: 'plugin', plugin: 'kv', to: 'serving', generation: 2 });
  await poll(
    () => plugin?.status(),
    (status) => status?.state === 'serving' && status.generation === 2,
  );
  expect(seen.map(({ sequence }) => sequence)).toEqual([
    1,
    2,
    3,
    4,
    6,
    ...seen.slice(5).map(({ sequence }) => sequence),
  ]);
});

test('a plugin that others stop is gone for good, and another one of its name is another one', async () => {
  await daemon.place.serve(daemon.methods);
  const { host } = await daemon.connect();
  const plugin = host.plugin('kv');
  daemon.state = undefined;
  daemon.tell({ type: 'plugin', plugin: 'kv', to: 'stopped' });
  await poll(
    () => host.plugins().length,
    (count) => count === 0,
  );
  expect(plugin?.status().state).toBe('stopped');
  daemon.state = 'serving';
  daemon.tell({ type: 'plugin', plugin: 'kv', to: 'starting' });
  await poll(
    () => host.plugins().length,
    (count) => count === 1,
  );
  expect(host.plugin('kv')).not.toBe(plugin);
  expect(await failureOf(Promise.resolve(plugin?.restart()))).toMatchObject({ code: 'PLUGIN_STOPPED' });
});

test('a plugin that is shared while it starts is there when it has', async () => {
  daemon.state = 'starting';
  await daemon.place.serve({ ...daemon.methods, loadPlugin: () => ({ shared: true }) });
  const { host } = await daemon.connect();
  let loaded = false;
  const options = { name: 'kv', version: '1.0.0', command: '/kv' };
  const handshake = { cookie: ['KV_PLUGIN', 'hello'], protocolVersions: [1] } as const;
  const loading = host.load({ ...options, handshake }).then((plugin) => {
    loaded = true;
    return plugin;
  });
  await sleep(100);
  expect(loaded).toBe(false);
  daemon.state = 'serving';
  expect((await loading).status().state).toBe('serving');
});

describe('of an older daemon', () => {
  test('what it can do is done, and what it can not is said', async () => {
    await daemon.place.serve(daemon.methods, ['planRollback']);
    const { host } = await daemon.connect();
    const plan = host.plugin('kv')?.rollbackPlan();
    expect(await failureOf(Promise.resolve(plan))).toMatchObject({ code: 'DAEMON_TOO_OLD' });
  });

  test('that tells no events the plugins are seen all the same', async () => {
    await daemon.place.serve(daemon.methods, ['watchEvents']);
    const { host } = await daemon.connect();
    await poll(
      () => daemon.logger.records.map(({ level }) => level),
      (levels) => levels.includes('error'),
    );
    daemon.state = 'restarting';
    await poll(
      () => host.plugin('kv')?.status().state,
      (state) => state === 'restarting',
    );
  });
});

test('what the next daemon lacks, once it has loaded all, is stopped, and told of', async () => {
  let loading = true;
  const methods: Methods = {
    ...daemon.methods,
    getDaemon: async (...asked) => ({ ...(await daemon.methods.getDaemon?.(...asked)), loading }),
  };
  const server = await daemon.place.serve(methods);
  const plugins = new DaemonPlugins(await daemon.place.connect(), daemon.logger, { othersMs: 50 });
  await plugins.begin();
  const seen: HostEvent[] = [];
  plugins.events.add((event) => seen.push(event));
  const [plugin] = plugins.all;
  server.forceShutdown();
  await poll(
    () => plugin?.lost,
    (lost) => lost === true,
  );
  daemon.another();
  daemon.state = undefined;
  await daemon.place.serve(methods);
  await poll(
    () => daemon.logger.records.map(({ message }) => message),
    (messages) => messages.includes('the daemon is back'),
  );
  await sleep(300);
  expect(plugins.all).toEqual([plugin]);
  loading = false;
  await poll(
    () => plugins.all.length,
    (count) => count === 0,
  );
  expect(seen.at(-1)).toMatchObject({
    plugin: 'kv',
    from: 'failed',
    to: 'stopped',
    cause: { reason: 'lost' },
  });
  expect(plugin?.status().state).toBe('stopped');
  await plugins.close();
});

describe('an operation', () => {
  const progress = (step: string, phase = 'started') => ({
    update: { $case: 'progress' as const, value: { step, phase, elapsedMs: 1, percent: 5 } },
  });
  const report = {
    outcome: 'swapped',
    plugin: 'kv',
    warnings: [{ code: 'STOP_FAILED', message: 'It hangs.' }],
  };

  test('goes on being followed after the connection was lost, and tells nothing twice', async () => {
    const watches: string[] = [];
    let cut = () => {};
    const methods: Methods = {
      ...daemon.methods,
      beginOperation: ({ operation, options }) => {
        expect([operation, options]).toEqual(['upgrade', { version: '2.0.0' }]);
        return { operation: { id: 'kv-1' } };
      },
      watchOperation: async function* ({ id }) {
        watches.push(id);
        yield progress('prepare');
        yield progress('prepare', 'done');
        if (watches.length === 1) {
          cut();
          await new Promise(() => {});
        }
        yield progress('start');
        yield { update: { $case: 'report', value: report } };
      },
    };
    const server = await daemon.place.serve(methods);
    cut = () => {
      setTimeout(async () => {
        server.forceShutdown();
        await daemon.place.serve(methods);
      }, 50);
    };
    const { host } = await daemon.connect();
    const handle = host.plugin('kv')?.upgrade({ version: '2.0.0' });
    const told: string[] = [];
    for await (const { step, phase } of handle ?? []) told.push(`${step} ${phase}`);
    expect(told).toEqual(['prepare started', 'prepare done', 'start started']);
    const done = await handle;
    expect(done?.outcome).toBe('swapped');
    expect(done?.warnings).toMatchObject([
      { name: 'PluginError', code: 'STOP_FAILED', summary: 'It hangs.' },
    ]);
    expect(watches).toEqual(['kv-1', 'kv-1']);
  });

  test('is promoted and given up by its own id', async () => {
    const asked: unknown[] = [];
    let aborted = () => {};
    const over = new Promise<void>((resolve) => {
      aborted = resolve;
    });
    await daemon.place.serve({
      ...daemon.methods,
      beginOperation: () => ({ operation: { id: 'kv-7' } }),
      promoteOperation: ({ plugin, id }) => {
        asked.push(['promote', plugin, id]);
        return {};
      },
      abortOperation: ({ plugin, id, reason }) => {
        asked.push(['abort', plugin, id, reason]);
        aborted();
        return {};
      },
      watchOperation: async function* () {
        yield progress('shift');
        await over;
        yield {
          update: {
            $case: 'error',
            value: { code: 'ABORTED', summary: 'Given up.', facts: { step: 'shift' } },
          },
        };
      },
    });
    const { host } = await daemon.connect();
    const handle = host.plugin('kv')?.restart();
    for await (const _ of handle ?? []) {
      expect(handle?.promote()).toBe(true);
      await poll(
        () => asked.length,
        (count) => count === 1,
      );
      expect(handle?.abort('enough')).toBe(true);
    }
    expect(await failureOf(Promise.resolve(handle))).toMatchObject({
      code: 'ABORTED',
      facts: { step: 'shift' },
    });
    expect(asked).toEqual([
      ['promote', 'kv', 'kv-7'],
      ['abort', 'kv', 'kv-7', 'enough'],
    ]);
    expect(handle?.abort()).toBe(false);
  });

  test('whose daemon is another one when it is found again has an end that nobody can tell', async () => {
    const methods: Methods = {
      ...daemon.methods,
      beginOperation: () => ({ operation: { id: 'kv-1' } }),
      watchOperation: async function* () {
        yield progress('start');
        await new Promise(() => {});
      },
    };
    const server = await daemon.place.serve(methods);
    const { host } = await daemon.connect();
    const handle = host.plugin('kv')?.rollback();
    for await (const _ of handle ?? []) {
      server.forceShutdown();
      daemon.another();
      await daemon.place.serve(methods);
    }
    expect(await failureOf(Promise.resolve(handle))).toMatchObject({
      code: 'DAEMON_UNREACHABLE',
      facts: { operation: 'kv-1', begun: true },
    });
  });

  test.each([
    ['verify', { verify: () => {} }],
    ['strategy.run', { strategy: { name: 'mine', run: async () => {} } }],
    ['tls', { tls: {} }],
    ['contract', { contract: { file: [] } }],
  ])('with %s, which is code or can not be told, is refused', async (option, changes) => {
    await daemon.place.serve(daemon.methods);
    const { host } = await daemon.connect();
    expect(await failureOf(Promise.resolve(host.plugin('kv')?.upgrade(changes as object)))).toMatchObject({
      code: 'OPTIONS_INVALID',
      facts: { option },
    });
  });
});
