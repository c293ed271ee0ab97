import { chmodSync, existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { HandedOver, LoadOptions, Plugin } from '@plugd/host';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { testsAtOnce } from '../support/at-once';
import { bundleProgram } from '../support/bundle';
import { failureOf, HostRoom, killNow, servingPid } from '../support/host-room';
import { poll } from '../support/poll';
import type { Kept } from './keeping-plugin';

// A scratch directory, a copy of the configuration and ports, for plugins that know nothing of plugd.

jest.setTimeout(60_000);

const program = bundleProgram(resolve(__dirname, 'keeping-plugin.ts'));
afterAll(() => rmSync(program.directory, { recursive: true, force: true }));

const { atOnce, own } = testsAtOnce(async () => {
  const [room, config] = [await HostRoom.open(), mkdtempSync(join(tmpdir(), 'config-'))];
  writeFileSync(join(config, 'setting'), '1');
  const close = async () => {
    await room.close().finally(() => rmSync(config, { recursive: true, force: true }));
  };
  return { room, config, close };
});

const configure = (setting: string): void => writeFileSync(join(own().config, 'setting'), setting);
const load = (over: Partial<LoadOptions> = {}): Promise<Plugin> => own().room.load(program.file, over);

async function kept(plugin: Plugin): Promise<Kept> {
  const { value } = await plugin.client(KvDefinition).get({ key: '' }, { timeoutMs: 20_000 });
  return JSON.parse(String(value)) as Kept;
}

/** Waits until another process answers than that. */
const keptBy = (plugin: Plugin, notBy: number): Promise<Kept> =>
  poll(
    () => kept(plugin).catch((): Kept => ({ pid: notBy })),
    ({ pid }) => pid !== notBy,
  );

/** The process that listens on a port. */
function listener(port = 0): Promise<number> {
  return new Promise((found, failed) => {
    let text = '';
    const socket = connect(port, '127.0.0.1');
    socket.setEncoding('utf8').on('data', (data) => {
      text += String(data);
    });
    socket.once('error', failed).once('close', () => found(Number(text)));
  });
}

describe('scratch', () => {
  atOnce('each process has an empty directory of its own, and it goes with the process', async () => {
    const plugin = await load({ scratch: true });
    const first = await kept(plugin);
    expect(first).toMatchObject({ scratchMode: 0o700, scratchHolds: [] });
    await plugin.client(KvDefinition).put({ key: 'cache' });
    expect((await kept(plugin)).scratchHolds).toEqual(['cache']);
    await plugin.restart();
    const second = await kept(plugin);
    expect(second).toMatchObject({ scratchMode: 0o700, scratchHolds: [] });
    expect([first, second].map(({ scratch = '' }) => existsSync(scratch))).toEqual([false, true]);
    await plugin.stop();
    expect(existsSync(second.scratch ?? '')).toBe(false);
  });

  atOnce('a process that takes the place of a crashed one finds nothing of it', async () => {
    const plugin = await load({ scratch: true });
    const first = await kept(plugin);
    await plugin.client(KvDefinition).put({ key: 'half done' });
    await killNow(first.pid);
    const second = await keptBy(plugin, first.pid);
    expect(second.scratchHolds).toEqual([]);
    expect(second.scratch).not.toBe(first.scratch);
    await poll(
      () => existsSync(first.scratch ?? ''),
      (there) => !there,
    );
  });

  atOnce(
    'members of the socket’s group, who may come into the directory of the instance, can’t touch it',
    async () => {
      chmodSync(own().room.runDir, 0o711);
      const plugin = await load({ scratch: true, unixSocketGroup: process.getgid?.() ?? 0 });
      const { scratch = '', scratchMode } = await kept(plugin);
      expect([scratchMode, statSync(join(scratch, '..')).mode & 0o7777]).toEqual([0o700, 0o1770]);
    },
  );

  atOnce('who does not ask for one has none', async () => {
    const plugin = await load();
    expect(await kept(plugin)).toEqual({ pid: servingPid(plugin) });
  });
});

describe('config', () => {
  atOnce('a change shows in the next version, and not in the one that runs', async () => {
    const plugin = await load({ config: own().config });
    const first = await kept(plugin);
    expect(first).toMatchObject({ setting: '1', configMode: 0o500 });
    configure('2');
    expect(await kept(plugin)).toEqual(first);
    await plugin.restart();
    const second = await kept(plugin);
    expect(second.setting).toBe('2');
    expect([first, second].map(({ config: path = '' }) => existsSync(path))).toEqual([false, true]);
    await plugin.stop();
    expect(existsSync(second.config ?? '')).toBe(false);
  });

  atOnce('a process that takes the place of a crashed one reads what its generation began with', async () => {
    const plugin = await load({ config: own().config });
    const first = await kept(plugin);
    configure('2');
    await killNow(first.pid);
    const second = await keptBy(plugin, first.pid);
    expect([second.setting, second.config]).toEqual(['1', first.config]);
    await plugin.restart();
    expect((await kept(plugin)).setting).toBe('2');
    expect(existsSync(first.config ?? '')).toBe(false);
  });

  atOnce(
    'versions and plugins that began with the same content share a copy, which is there for as long as one uses it',
    async () => {
      const [kv, other] = [
        await load({ config: own().config }),
        await load({ config: own().config, name: 'other' }),
      ];
      const copies = [await kept(kv), await kept(other)].map(({ config: path }) => path);
      await kv.restart();
      expect([copies[1], (await kept(kv)).config]).toEqual([copies[0], copies[0]]);
      await kv.stop();
      expect((await kept(other)).setting).toBe('1');
      await other.stop();
      expect(existsSync(copies[0] ?? '')).toBe(false);
    },
  );

  atOnce('a version whose configuration can’t be read is not started, and the old one goes on', async () => {
    const plugin = await load({ config: own().config });
    const before = await kept(plugin);
    const error = await failureOf(plugin.upgrade({ config: join(own().config, 'missing') }));
    expect(error).toMatchObject({
      code: 'CONFIG_UNREADABLE',
      facts: { path: join(own().config, 'missing'), step: 'start' },
    });
    expect(await kept(plugin)).toEqual(before);
    await plugin.upgrade({ config: false });
    expect(await kept(plugin)).not.toHaveProperty('config');
    expect(existsSync(before.config ?? '')).toBe(false);
  });
});

describe('ports', () => {
  atOnce('a port that the host picked stays the plugin’s own, through a crash and a stop', async () => {
    const plugin = await load({ ports: { http: 0 } });
    const first = await kept(plugin);
    expect(await listener(first.port)).toBe(first.pid);
    await killNow(first.pid);
    const second = await keptBy(plugin, first.pid);
    expect([second.port, await listener(first.port)]).toEqual([first.port, second.pid]);
    await plugin.stop();
    await expect(listener(first.port)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    expect((await kept(await load({ ports: { http: 0 } }))).port).toBe(first.port);
  });

  atOnce('a new version listens where the old one did, and calls wait for it', async () => {
    const plugin = await load({ ports: { http: 0 } });
    const first = await kept(plugin);
    const upgrading = plugin.upgrade({
      version: '2.0.0',
      env: { KEEPING_VERSION: '2.0.0' },
    });
    const calls = [];
    for (let call = 0; call < 20; call++) {
      calls.push(kept(plugin));
      await new Promise((next) => setTimeout(next, 20));
    }
    const report = await upgrading;
    const ports = new Set((await Promise.all(calls)).map(({ port }) => port));
    expect([report.outcome, report.strategy, report.calls.failed]).toEqual(['swapped', 'recreate', 0]);
    expect([...ports]).toEqual([first.port]);
    expect(await listener(first.port)).toBe(servingPid(plugin));
  });

  atOnce('two plugins can’t have one port, and the second one is told who has it', async () => {
    const { port = 0 } = await kept(await load({ ports: { http: 0 } }));
    const error = await failureOf(load({ name: 'other', ports: { web: port }, stopTimeoutMs: 100 }));
    expect(error).toMatchObject({ code: 'PORT_IN_USE', facts: { port, name: 'web', holder: 'kv-1-1' } });
    expect(own().room.processes()).toHaveLength(1);
  });

  atOnce('a port that a stranger has is waited for, and had when he leaves', async () => {
    const stranger = createServer();
    await new Promise<void>((ready) => stranger.listen(0, '127.0.0.1', ready));
    const address = stranger.address();
    const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
    const error = await failureOf(load({ ports: { http: port }, stopTimeoutMs: 100 }));
    expect(error).toMatchObject({ code: 'PORT_IN_USE', facts: { port, name: 'http' } });
    const loading = load({ ports: { http: port }, stopTimeoutMs: 20_000 });
    setTimeout(() => stranger.close(), 200);
    const plugin = await loading;
    expect(await listener(port)).toBe(servingPid(plugin));
  });
});

atOnce(
  'a host that takes a plugin over goes on with its copy and its port, and removes what is left of them',
  async () => {
    await load({ scratch: true, config: own().config, ports: { http: 0 } });
    const second = await HostRoom.open();
    try {
      const [handedOver] = await own().room.host.handOver();
      const plugin = await second.host.attach(JSON.parse(JSON.stringify(handedOver)) as HandedOver);
      const first = await kept(plugin);
      expect(first).toMatchObject({ setting: '1', scratchHolds: [] });
      await plugin.client(KvDefinition).put({ key: 'x' });
      await killNow(first.pid);
      const next = await keptBy(plugin, first.pid);
      expect([next.port, await listener(first.port)]).toEqual([first.port, next.pid]);
      await plugin.stop();
      expect([first.scratch, first.config, next.config].map((path = '') => existsSync(path))).toEqual([
        false,
        false,
        false,
      ]);
    } finally {
      await second.close();
    }
  },
);
