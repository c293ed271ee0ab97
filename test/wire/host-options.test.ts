import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHost, type Host, type HostEvent, type HostOptions, type Logger } from '@plugd/host';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { ProbeDefinition } from '@plugd/protocol/gen/samples/probe/v1/probe';
import { runHostProgram } from '../support/host-program';
import { failureOf } from '../support/host-room';
import { poll } from '../support/poll';
import { isRunning, processesWith } from '../support/processes';
import { RecordingLogger } from '../support/recording-logger';
import { kvTs } from '../support/samples';

let place: string;
const hosts: Host[] = [];
const xdg = process.env['XDG_RUNTIME_DIR'];
beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'host-'));
});
afterEach(async () => {
  await Promise.all(hosts.splice(0).map((host) => host.close()));
  rmSync(place, { recursive: true, force: true });
  if (xdg === undefined) delete process.env['XDG_RUNTIME_DIR'];
  else process.env['XDG_RUNTIME_DIR'] = xdg;
});

async function open(options: HostOptions = {}): Promise<Host> {
  const host = await createHost({ logger: new RecordingLogger(), ...options });
  hosts.push(host);
  return host;
}

const kv = (over: object = {}) => ({
  name: 'kv',
  version: '1.0.0',
  command: kvTs('1'),
  handshake: { cookie: ['KV_PLUGIN', 'hello'] as const, protocolVersions: [1] },
  ...over,
});

const addressOf = (host: Host) => host.plugin('kv')?.status().instances[0]?.address ?? '';

test.each([
  ['runDir', ''],
  ['runDir', 5],
  ['runDir', 'a\0b'],
  ['logger', 'debug'],
  ['logger', {}],
  ['logger', { info: () => {} }],
  ['logger', null],
])('%s: %j is refused by its name', async (option, value) => {
  expect(await failureOf(open({ [option]: value } as HostOptions))).toMatchObject({
    code: 'OPTIONS_INVALID',
    facts: { option },
  });
});

describe('runDir', () => {
  test('holds the sockets, each in a directory of its instance that only this user can enter', async () => {
    const host = await open({ runDir: place });
    await host.load(kv());
    expect(addressOf(host).startsWith(`${place}/plugd-`)).toBe(true);
    const instance = join(addressOf(host), '..');
    for (const directory of [instance, join(instance, '..')]) {
      expect((statSync(directory).mode & 0o777).toString(8)).toBe('700');
    }
    await host.close();
    expect(readdirSync(place)).toEqual([]);
  });

  test('is made where it is missing, for this user alone', async () => {
    const runDir = join(place, 'a/b');
    await open({ runDir });
    expect((statSync(runDir).mode & 0o777).toString(8)).toBe('700');
  });

  test('defaults to XDG_RUNTIME_DIR, and to the temporary directory where that is not this user’s own', async () => {
    process.env['XDG_RUNTIME_DIR'] = place;
    const host = await open();
    await host.load(kv());
    expect(addressOf(host).startsWith(`${place}/plugd-`)).toBe(true);
    process.env['XDG_RUNTIME_DIR'] = join(place, 'nowhere');
    const other = await open();
    await other.load(kv());
    expect(addressOf(other).startsWith(`${tmpdir()}/plugd-`)).toBe(true);
  });

  const unsafe: [string, () => string][] = [
    [
      'that others can write to',
      () => {
        chmodSync(place, 0o777);
        return place;
      },
    ],
    [
      'that is a symbolic link',
      () => {
        mkdirSync(join(place, 'real'), { mode: 0o700 });
        symlinkSync(join(place, 'real'), join(place, 'link'));
        return join(place, 'link');
      },
    ],
    [
      'that is a file',
      () => {
        writeFileSync(join(place, 'file'), '');
        return join(place, 'file');
      },
    ],
  ];
  if (process.getuid?.() === 0) {
    unsafe.push([
      'of another user',
      () => {
        chownSync(place, 65534, 65534);
        return place;
      },
    ]);
  }
  test.each(unsafe)('one %s is refused', async (_what, make) => {
    const runDir = make();
    const error = await failureOf(open({ runDir }));
    expect(error).toMatchObject({ code: 'RUN_DIR_UNSAFE', facts: { path: runDir } });
  });

  test('one that is too long for sockets is refused, and nothing is left in it', async () => {
    const runDir = join(place, 'x'.repeat(90));
    expect((await failureOf(open({ runDir }))).code).toBe('SOCKET_PATH_TOO_LONG');
    expect(readdirSync(runDir)).toEqual([]);
  });
});

describe('logger', () => {
  test('gets what plugins log and print, with the plugin and instance they come from', async () => {
    const logger = new RecordingLogger();
    const host = await open({ logger });
    const probe = (await host.load(kv())).client(ProbeDefinition);
    await probe.log({ level: 'warn', message: 'a warning', fields: { fruit: 'apple', plugin: 'a lie' } });
    await probe.print({ target: 1, text: 'printed\n' });
    const [id] =
      host
        .plugin('kv')
        ?.status()
        .instances.map((instance) => instance.id) ?? [];
    const logged = await poll(
      () => logger.records.find(({ message }) => message === 'a warning'),
      (record) => record !== undefined,
    );
    expect(logged).toMatchObject({
      level: 'warn',
      fields: { fruit: 'apple', plugin: 'kv', instance: id, module: 'kv' },
    });
    await poll(
      () => logger.printed('stdout'),
      (lines) => lines.includes('printed'),
    );
  });

  test('one that throws hurts nobody; console fits', async () => {
    const fail = () => {
      throw new Error('a broken logger');
    };
    const broken: Logger = { trace: fail, debug: fail, info: fail, warn: fail, error: fail };
    const said = jest.spyOn(console, 'warn').mockImplementation(() => {});
    try {
      for (const logger of [broken, console]) {
        const host = await open({ logger });
        const plugin = await host.load(kv());
        await plugin.client(ProbeDefinition).log({ level: 'warn', message: 'to the console' });
        expect((await plugin.client(KvDefinition).get({ key: 'k' })).servedBy).toBe('1.0.0');
      }
      await poll(
        () => said.mock.calls.map(String),
        (lines) => lines.some((line) => line.startsWith('to the console')),
      );
    } finally {
      said.mockRestore();
    }
  });

  test('defaults to warnings and errors, a line each on stderr', async () => {
    const levels = ['debug', 'info', 'warn', 'error'];
    const { stderr, stdout, code } = await runHostProgram({
      load: { ...kv(), handshake: undefined },
      log: levels,
    });
    expect({ code, stdout }).toEqual({ code: 0, stdout: '{"value":""}' });
    const lines = stderr.trim().split('\n');
    expect(lines).toHaveLength(2);
    expect(lines[0]).toMatch(/^\S+Z WARN a message at warn .*plugin=kv/);
    expect(lines[1]).toMatch(/^\S+Z ERROR a message at error /);
  });
});

describe('a host’s life', () => {
  test('a name is taken from the beginning of a load to the end of the plugin', async () => {
    const host = await open();
    const first = host.load(kv());
    expect(await failureOf(host.load(kv()))).toMatchObject({ code: 'NAME_TAKEN', fault: 'caller' });
    const plugin = await first;
    expect((await failureOf(host.load(kv()))).code).toBe('NAME_TAKEN');
    expect(host.plugins()).toEqual([plugin]);
    expect(host.plugin('kv')).toBe(plugin);
    await plugin.stop();
    expect(host.plugin('kv')).toBeUndefined();
    const next = await host.load(kv());
    await plugin.stop();
    expect(host.plugin('kv')).toBe(next);
  });

  test('a plugin that was stopped refuses operations and calls, each by its code, and may be stopped again', async () => {
    const host = await open();
    const plugin = await host.load(kv());
    const client = plugin.client(KvDefinition);
    await plugin.stop();
    await plugin.stop();
    expect((await failureOf(plugin.restart())).code).toBe('PLUGIN_STOPPED');
    expect((await failureOf(plugin.upgrade({ version: '2.0.0', command: kvTs('2') }))).code).toBe(
      'PLUGIN_STOPPED',
    );
    await expect(client.get({ key: 'k' })).rejects.toMatchObject({
      codeName: 'UNAVAILABLE',
      pluginCode: 'ROUTE_CLOSED',
    });
    await expect(plugin.client(KvDefinition).get({ key: 'k' })).rejects.toMatchObject({
      pluginCode: 'ROUTE_CLOSED',
    });
    expect(plugin.status()).toMatchObject({ state: 'stopped', version: '1.0.0', instances: [] });
    expect(plugin.handedOver()).toBeUndefined();
  });

  test('close() stops every plugin and leaves nothing; again, it is the same', async () => {
    const host = await open({ runDir: place });
    const mark = `KV_MARK=${place}`;
    const env = { KV_MARK: place };
    await Promise.all(['a', 'b', 'c'].map((name) => host.load(kv({ name, env }))));
    expect(processesWith(mark)).toHaveLength(3);
    const states: string[] = [];
    host.on('event', (event) => event.type === 'plugin' && states.push(`${event.plugin} ${event.to}`));
    await Promise.all([host.close(), host.close()]);
    await host.close();
    expect(processesWith(mark)).toEqual([]);
    expect(readdirSync(place)).toEqual([]);
    expect(states.sort()).toEqual(['a', 'b', 'c'].flatMap((name) => [`${name} stopped`, `${name} stopping`]));
    expect(host.plugins()).toEqual([]);
  });

  test('a host that is closed refuses to load, attach and hand over', async () => {
    const host = await open();
    const handedOver = (await host.load(kv())).handedOver();
    await host.close();
    if (handedOver === undefined) throw new Error('there was a process to hand over');
    expect((await failureOf(host.load(kv()))).code).toBe('HOST_CLOSED');
    expect((await failureOf(host.attach(handedOver))).code).toBe('HOST_CLOSED');
    expect((await failureOf(host.handOver())).code).toBe('HOST_CLOSED');
  });

  test('a load under way when the host closes ends at once, and leaves nothing', async () => {
    const host = await open({ runDir: place });
    const file = join(place, 'sleeper');
    writeFileSync(file, '#!/bin/sh\nexec sleep 600\n', { mode: 0o755 });
    const failed = failureOf(host.load(kv({ command: file, env: { KV_MARK: place } })));
    await poll(
      () => processesWith(`KV_MARK=${place}`),
      (pids) => pids.length > 0,
    );
    await host.close();
    expect((await failed).code).toMatch(/^(PLUGIN_STOPPED|HOST_CLOSED)$/);
    expect(processesWith(`KV_MARK=${place}`)).toEqual([]);
    expect(readdirSync(place)).toEqual(['sleeper']);
  });

  test('`await using` closes it at the end of its scope', async () => {
    let pid = 0;
    {
      await using host = await createHost({ runDir: place });
      pid = (await host.load(kv())).status().instances[0]?.pid ?? 0;
      expect(isRunning(pid)).toBe(true);
    }
    expect(isRunning(pid)).toBe(false);
    expect(readdirSync(place)).toEqual([]);
  });

  test('an idle host with a plugin does not keep its process from ending with process.exit, and nothing stays', async () => {
    const program = `
      const { createHost } = require('@plugd/host');
      createHost({ runDir: ${JSON.stringify(place)} }).then(async (host) => {
        await host.load({ ...JSON.parse(process.argv[1]), env: { KV_MARK: ${JSON.stringify(place)} } });
        process.exit(3);
      });`;
    const { status } = spawnSync(process.execPath, ['-e', program, JSON.stringify(kv())], { cwd: __dirname });
    expect(status).toBe(3);
    await poll(
      () => processesWith(`KV_MARK=${place}`),
      (pids) => pids.length === 0,
      5_000,
    );
    await poll(
      () => readdirSync(place),
      (files) => files.length === 0,
      5_000,
    );
  });

  test('events are numbered without a gap, from the first to the last', async () => {
    const host = await open();
    const events: HostEvent[] = [];
    host.on('event', () => {
      throw new Error('a broken listener');
    });
    host.on('event', (event) => events.push(event));
    const plugin = await host.load(kv());
    await plugin.restart();
    await host.close();
    expect(events.map(({ sequence }) => sequence)).toEqual(events.map((_, index) => index + 1));
    const instances = events.filter((event) => event.type === 'instance');
    const path = (generation: number) =>
      instances.filter((event) => event.generation === generation).map(({ to }) => to);
    expect(path(1)).toEqual(['starting', 'ready', 'serving', 'draining', 'stopped']);
    expect(path(2)).toEqual(['starting', 'ready', 'serving', 'draining', 'stopped']);
    for (const event of events) expect(event.cause.reason).not.toBe('');
  });
});
