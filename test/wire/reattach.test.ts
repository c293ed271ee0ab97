import { existsSync } from 'node:fs';
import type { AttachOptions, Plugin } from '@plugd/host';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { ProbeDefinition } from '@plugd/protocol/gen/samples/probe/v1/probe';
import { testsAtOnce } from '../support/at-once';
import { counterOptions, put, read } from '../support/counter-room';
import { GoHost } from '../support/go-host';
import { failureOf, HostRoom, killNow } from '../support/host-room';
import { describeWithGo } from '../support/needs-go';
import { PluginProcess, type StartOptions } from '../support/plugin-process';
import { poll } from '../support/poll';
import { isRunning } from '../support/processes';
import { counterTs, kvGo, kvTs } from '../support/samples';

// Real processes, on a machine that may be busy.
jest.setTimeout(60_000);

const { atOnce, own: belongings } = testsAtOnce(async () => {
  const [room, started] = [await HostRoom.open(), [] as PluginProcess[]];
  const close = async () => {
    await room.close().finally(() => Promise.all(started.map((plugin) => plugin.dispose())));
  };
  return { room, started, close };
});
const room = () => belongings().room;

function startPlugin(command: string, options: StartOptions): PluginProcess {
  const plugin = new PluginProcess(command, options);
  belongings().started.push(plugin);
  return plugin;
}

interface Line {
  readonly Protocol: string;
  readonly ProtocolVersion: number;
  readonly Pid: number;
  readonly Test?: boolean;
  readonly Addr: { readonly Network: string; readonly String: string };
  readonly ServerCert?: string;
}

async function lineOf(plugin: PluginProcess): Promise<string> {
  await plugin.until(() => plugin.stdout.includes('\n'), 'a line to attach by');
  return plugin.stdout.trimEnd();
}

/** As somebody starts it by hand: without the cookie. */
function debugTs(options: StartOptions = {}): PluginProcess {
  return startPlugin(kvTs('1'), {
    ...options,
    env: { KV_PLUGIN: '', PLUGIN_PROTOCOL_VERSIONS: '', PLUGD_DEBUG: '1', ...options.env },
  });
}

const own: AttachOptions = { name: 'kv', version: '1.0.0', stopTimeoutMs: 5_000 };
const get = (plugin: Plugin) => plugin.client(KvDefinition).get({ key: 'key' }, { timeoutMs: 10_000 });

const isFailed = (plugin: Plugin) =>
  poll(
    () => plugin.status(),
    ({ state }) => state === 'failed',
  );

describe('a debugged plugin', () => {
  atOnce('prints one line of JSON, without a cookie, and leaves in order on SIGINT', async () => {
    const plugin = debugTs({ multiplex: 'true' });
    const line = JSON.parse(await lineOf(plugin)) as Line;
    expect(line).toEqual({
      Protocol: 'grpc',
      ProtocolVersion: 1,
      Pid: plugin.pid,
      Test: true,
      Addr: { Network: 'unix', String: expect.stringContaining(`${plugin.directory}/plugin`) },
    });
    plugin.child.kill('SIGINT');
    expect(await plugin.exit()).toEqual({ code: 0, signal: null });
    expect(existsSync(line.Addr.String)).toBe(false);
    expect(plugin.stdout.split('\n')).toHaveLength(2);
  });

  atOnce.each([
    ['', 2],
    ['1', 1],
    ['1,2', 2],
  ])('speaks, where %j is offered, version %i', async (offered, version) => {
    const plugin = startPlugin(kvTs('2'), { versions: offered, env: { PLUGD_DEBUG: '1' } });
    expect(JSON.parse(await lineOf(plugin))).toMatchObject({ ProtocolVersion: version });
  });

  atOnce('is attached by its line, tells what it prints, and is left running by stop()', async () => {
    const plugin = debugTs();
    const attached = await room().host.attach(await lineOf(plugin), own);
    expect(attached.status()).toMatchObject({
      name: 'kv',
      state: 'serving',
      version: '1.0.0',
      generation: 1,
      protocolVersion: 1,
      instances: [{ pid: plugin.pid, state: 'serving' }],
    });
    expect((await get(attached)).pid).toBe(plugin.pid);
    await attached.client(ProbeDefinition).print({ target: 1, text: 'seen by the host\n' });
    await poll(
      () => room().log.records,
      (records) => JSON.stringify(records).includes('seen by the host'),
    );
    expect(attached.handedOver()).toBeUndefined();
    await attached.stop();
    expect(attached.status()).toMatchObject({ state: 'stopped', instances: [] });
    expect(room().files()).toEqual([]);
    expect(isRunning(plugin.pid)).toBe(true);
    // The next one, and the one after it, can attach again.
    const again = await room().host.attach(await lineOf(plugin), own);
    expect((await get(again)).pid).toBe(plugin.pid);
    await room().host.close();
    expect(isRunning(plugin.pid)).toBe(true);
  });

  atOnce.each([false, true])('calls its host back (AutoMTLS: %s)', async (autoMtls) => {
    const plugin = startPlugin(counterTs('2'), { autoMtls, env: { PLUGD_DEBUG: '1' } });
    const { hostCertificate: certificate } = plugin;
    const attached = await room().host.attach(await lineOf(plugin), {
      ...own,
      version: '2.0.0',
      contract: counterOptions.contract,
      ...(certificate === undefined ? {} : { certificate }),
    });
    await attached.pinned(async (scope) => {
      expect(await put(scope, 'a', 40)).toMatchObject({ value: 40, pid: plugin.pid });
      expect(await read(scope, 'a')).toMatchObject({ value: 40, pid: plugin.pid });
    });
  });

  atOnce('is left running by handOver(), which does not hand it over', async () => {
    const plugin = debugTs();
    await room().host.attach(await lineOf(plugin), own);
    expect(await room().host.handOver()).toEqual([]);
    expect(isRunning(plugin.pid)).toBe(true);
    expect(room().files()).toEqual([]);
  });

  atOnce('is attached under AutoMTLS by those who have the certificate that it was given', async () => {
    const plugin = debugTs({ autoMtls: true });
    const line = await lineOf(plugin);
    const { hostCertificate: certificate } = plugin;
    if (certificate === undefined) throw new Error('it was given no certificate');
    const attached = await room().host.attach(line, { ...own, certificate });
    expect((await get(attached)).pid).toBe(plugin.pid);
    await attached.stop();

    expect(await failureOf(room().host.attach(line, own))).toMatchObject({
      code: 'OPTIONS_INVALID',
      facts: { option: 'certificate' },
    });
    const { ServerCert: _cert, ...bare } = JSON.parse(line) as Line;
    const text = JSON.stringify(bare);
    const deaf = await failureOf(room().host.attach(text, { ...own, certificate }));
    expect(deaf.code).toBe('AUTO_MTLS_UNSUPPORTED');
    expect((await failureOf(room().host.attach(text, own))).code).toBe('ATTACH_FAILED');
    expect(isRunning(plugin.pid)).toBe(true);
    expect(room().files()).toEqual([]);
  });

  atOnce('that is no test is asked to leave, and not ended if it stays', async () => {
    const plugin = debugTs();
    const line = JSON.stringify({ ...(JSON.parse(await lineOf(plugin)) as Line), Test: false });
    await (await room().host.attach(line, own)).stop();
    expect(await plugin.exit()).toEqual({ code: 0, signal: null });

    // Its stop is as good as its answer: one that stands still gives none, and runs on.
    const still = debugTs();
    const other = JSON.stringify({ ...(JSON.parse(await lineOf(still)) as Line), Test: false });
    const attached = await room().host.attach(other, { ...own, stopTimeoutMs: 200 });
    still.child.kill('SIGSTOP');
    await attached.stop();
    expect(isRunning(still.pid)).toBe(true);
    still.child.kill('SIGCONT');
    expect(room().log.records.filter(({ level }) => level === 'warn')).toHaveLength(1);
  });

  atOnce('that is killed is missed, and restarted where a command was given', async () => {
    const plugin = debugTs();
    const line = await lineOf(plugin);
    const attached = await room().host.attach(line, own);
    expect(await failureOf(attached.restart())).toMatchObject({
      code: 'OPTIONS_INVALID',
      facts: { option: 'command' },
    });
    expect((await get(attached)).pid).toBe(plugin.pid);
    await killNow(plugin.pid);
    await isFailed(attached);
    await expect(get(attached)).rejects.toMatchObject({ pluginCode: 'PLUGIN_EXITED' });

    const { command, handshake, env } = room().kv(kvTs('1'));
    await attached.upgrade({ command, handshake, env: env ?? {} });
    const { pid } = await get(attached);
    expect(pid).not.toBe(plugin.pid);
    await attached.restart();
    await attached.stop();
    expect(isRunning(pid)).toBe(false);
    expect(await failureOf(room().host.attach(line, own))).toMatchObject({
      code: 'ATTACH_FAILED',
      facts: { pid: plugin.pid },
    });
  });

  atOnce('is replaced by a process of the host’s own, and left running', async () => {
    const plugin = debugTs();
    const { command, handshake, env } = room().kv(kvTs('2'));
    const attached = await room().host.attach(await lineOf(plugin), {
      ...own,
      handshake,
      command,
      env: env ?? {},
    });
    const report = await attached.upgrade({ version: '2.0.0' });
    expect(report).toMatchObject({ from: { pid: plugin.pid }, calls: { cut: 0, failed: 0 }, warnings: [] });
    expect((await get(attached)).servedBy).toBe('2.0.0');
    expect(attached.status().instances).toHaveLength(1);
    expect(isRunning(plugin.pid)).toBe(true);
  });
});

describe('a line', () => {
  const good: Line = {
    Protocol: 'grpc',
    ProtocolVersion: 1,
    Pid: process.pid,
    Test: true,
    Addr: { Network: 'unix', String: '/nowhere/plugin1' },
  };
  const with_ = (changes: Readonly<Record<string, unknown>>) => JSON.stringify({ ...good, ...changes });

  atOnce.each<[string, string, string]>([
    ['is no JSON', '1|1|unix|/tmp/x|grpc', 'ATTACH_FAILED'],
    ['is no object', '[]', 'ATTACH_FAILED'],
    ['is empty', '{}', 'ATTACH_FAILED'],
    ['has several plugins', JSON.stringify({ a: good, b: good }), 'ATTACH_FAILED'],
    ['has no pid', with_({ Pid: undefined }), 'ATTACH_FAILED'],
    ['has the pid of everybody', with_({ Pid: -1 }), 'ATTACH_FAILED'],
    ['has no address', with_({ Addr: undefined }), 'ATTACH_FAILED'],
    ['has an address that nobody serves', with_({}), 'ATTACH_FAILED'],
    ['has a process that is not there', with_({ Pid: 2 ** 31 - 2 }), 'ATTACH_FAILED'],
    ['names net/rpc', with_({ Protocol: 'netrpc' }), 'PROTOCOL_UNSUPPORTED'],
    ['names no protocol', with_({ Protocol: '' }), 'PROTOCOL_UNSUPPORTED'],
    ['names another version', with_({ ProtocolVersion: 3 }), 'PROTOCOL_VERSION_MISMATCH'],
    [
      'leads to another machine',
      with_({ Addr: { Network: 'tcp', String: '192.0.2.1:80' } }),
      'ADDRESS_NOT_LOOPBACK',
    ],
    ['has a bad certificate', with_({ ServerCert: 'AAAA' }), 'CERTIFICATE_UNREADABLE'],
  ])('that %s is refused', async (_what, line, code) => {
    const error = await failureOf(
      room().host.attach(line, { ...own, handshake: { protocolVersions: [1, 2] } }),
    );
    expect(error.code).toBe(code);
    expect(error.hint).not.toBe('');
    expect(room().host.plugins()).toEqual([]);
    expect(room().files()).toEqual([]);
  });

  atOnce('can be the one of TF_REATTACH_PROVIDERS', async () => {
    const plugin = debugTs();
    const line = `{"registry.example/ns/kv":${await lineOf(plugin)}}`;
    expect((await get(await room().host.attach(line, own))).pid).toBe(plugin.pid);
  });
});

describeWithGo('with go-plugin', () => {
  atOnce('a plugin in its test mode is attached by its line, and left running', async () => {
    const plugin = startPlugin(kvGo('2'), { env: { KV_PLUGIN: '', KV_REATTACH: '1' } });
    const options = { ...own, version: '2.0.0', handshake: { protocolVersions: [1, 2] } };
    const attached = await room().host.attach(await lineOf(plugin), options);
    expect(attached.status()).toMatchObject({ protocolVersion: 2, instances: [{ pid: plugin.pid }] });
    expect(await get(attached)).toMatchObject({ servedBy: '2.0.0', pid: plugin.pid });
    await attached.stop();
    expect(isRunning(plugin.pid)).toBe(true);
    const again = await room().host.attach(await lineOf(plugin), options);
    await killNow(plugin.pid);
    await isFailed(again);
  });

  atOnce('a host attaches to a debugged plugin by its line, and leaves it running', async () => {
    const plugin = debugTs();
    const host = new GoHost();
    try {
      const reattach = JSON.parse(await lineOf(plugin)) as Line;
      const started = await host.request('start', { reattach });
      expect(started).toMatchObject({ version: 1, pid: plugin.pid });
      expect(await host.request('get', { key: 'key' })).toMatchObject({ pid: plugin.pid });
      await host.request('kill');
      expect(isRunning(plugin.pid)).toBe(true);
    } finally {
      await host.close();
    }
    expect(isRunning(plugin.pid)).toBe(true);
  });
});
