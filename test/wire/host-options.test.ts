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
import { createHost, type Host, type HostOptions, type Logger } from '@plugd/host';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { ProbeDefinition } from '@plugd/protocol/gen/samples/probe/v1/probe';
import { runHostProgram } from '../support/host-program';
import { failureOf } from '../support/host-room';
import { poll } from '../support/poll';
import { RecordingLogger } from '../support/recording-logger';
import { kvTs } from '../support/samples';

// Real processes, on a machine that may be busy.
jest.setTimeout(60_000);

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
    const said = (['trace', 'debug', 'info', 'warn', 'error'] as const).map((level) =>
      jest.spyOn(console, level).mockImplementation(() => {}),
    );
    const lines = () => said.flatMap(({ mock }) => mock.calls.map(String));
    try {
      for (const logger of [broken, console]) {
        const host = await open({ logger });
        const plugin = await host.load(kv());
        await plugin.client(ProbeDefinition).log({ level: 'warn', message: 'to the console' });
        expect((await plugin.client(KvDefinition).get({ key: 'k' })).servedBy).toBe('1.0.0');
      }
      await poll(lines, (seen) => seen.some((line) => line.startsWith('to the console')));
    } finally {
      await Promise.all(hosts.splice(0).map((host) => host.close()));
      for (const spy of said) spy.mockRestore();
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
