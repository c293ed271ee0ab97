import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Channel, credentials } from '@grpc/grpc-js';
import { createCertificate } from '@plugd/protocol/certificate';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { ProbeDefinition } from '@plugd/protocol/gen/samples/probe/v1/probe';
import { grpcTarget } from '@plugd/protocol/grpc-address';
import { createPromiseClient } from '@plugd/protocol/rpc/client';
import { disposePlugins, type PluginProcess, startPluginProcess } from '../support/plugin-process';
import { kvTs } from '../support/samples';
import { tailored } from '../support/tailored';

const directories: string[] = [];
const servers: Server[] = [];

afterEach(async () => {
  await disposePlugins();
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true });
  for (const server of servers.splice(0)) server.close();
});

function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'sdk-listen-'));
  directories.push(directory);
  return directory;
}

async function occupiedPort(): Promise<number> {
  const server = createServer();
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

/** The failed start is one error record and exit code 1, with nothing on standard output. */
async function expectFailure(plugin: PluginProcess, text: string): Promise<void> {
  expect(await plugin.exit()).toEqual({ code: 1, signal: null });
  expect(plugin.stdout).toBe('');
  expect(plugin.logs()).toContainEqual(
    expect.objectContaining({
      level: 'error',
      message: 'plugin init error',
      fields: expect.objectContaining({ error: expect.stringContaining(text) }),
    }),
  );
}

describe('a unix socket', () => {
  test('stands in the temporary directory where the host names none', async () => {
    const TMPDIR = temporaryDirectory();
    const plugin = startPluginProcess(kvTs('2'), { env: { TMPDIR, PLUGIN_UNIX_SOCKET_DIR: '' } });
    expect((await plugin.handshake()).address).toMatch(new RegExp(`^${TMPDIR}/plugin\\d{1,10}$`));
  });

  const asRoot = process.getuid?.() === 0 ? test : test.skip;
  const groups = readFileSync('/etc/group', 'utf8').split('\n');
  const [name = '', , gid = ''] =
    groups.map((line) => line.split(':')).find(([, , id]) => Number(id) > 0) ?? [];

  asRoot.each([
    ['name', name],
    ['number', gid],
  ])('belongs to the group that is given by %s, and to nobody else', async (_how, group) => {
    const plugin = startPluginProcess(kvTs('2'), { env: { PLUGIN_UNIX_SOCKET_GROUP: group } });
    const stat = statSync((await plugin.handshake()).address);
    expect(stat.gid).toBe(Number(gid));
    expect(stat.mode & 0o777).toBe(0o660);
  });

  test('is not made for a group that nobody knows', async () => {
    const plugin = startPluginProcess(kvTs('2'), { env: { PLUGIN_UNIX_SOCKET_GROUP: 'no-such-group' } });
    await expectFailure(plugin, 'Failed to find gid from "no-such-group"');
    expect(readdirSync(plugin.directory)).toEqual([]);
  });

  test('is not made where its path would be cut', async () => {
    const directory = join(temporaryDirectory(), 'd'.repeat(90));
    mkdirSync(directory);
    await expectFailure(
      startPluginProcess(kvTs('2'), { env: { PLUGIN_UNIX_SOCKET_DIR: directory } }),
      'SOCKET_PATH_TOO_LONG',
    );
  });

  test('can’t be made in a directory that is not there', async () => {
    await expectFailure(
      startPluginProcess(kvTs('2'), { env: { PLUGIN_UNIX_SOCKET_DIR: '/nowhere/at/all' } }),
      'LISTEN_FAILED',
    );
  });
});

describe('TCP', () => {
  const serve = { network: 'tcp' };

  test('takes the first free port of the range, on the loopback', async () => {
    const taken = await occupiedPort();
    const plugin = tailored(
      { serve },
      { env: { PLUGIN_MIN_PORT: String(taken), PLUGIN_MAX_PORT: String(Math.min(taken + 50, 65_535)) } },
    );
    const { network, address } = await plugin.handshake();
    expect(network).toBe('tcp');
    const [host, port] = address.split(':');
    expect(host).toBe('127.0.0.1');
    expect(Number(port)).toBeGreaterThan(taken);
    expect(Number(port)).toBeLessThanOrEqual(taken + 50);
    const kv = createPromiseClient(KvDefinition, await plugin.connect());
    await expect(kv.get({ key: 'a' })).rejects.toMatchObject({ codeName: 'NOT_FOUND' });
  });

  test('takes any port where the host names none', async () => {
    const plugin = tailored({ serve }, { env: { PLUGIN_MIN_PORT: '', PLUGIN_MAX_PORT: '' } });
    expect((await plugin.handshake()).address).toMatch(/^127\.0\.0\.1:\d+$/);
  });

  test('fails where the range is full', async () => {
    const port = String(await occupiedPort());
    await expectFailure(
      tailored({ serve }, { env: { PLUGIN_MIN_PORT: port, PLUGIN_MAX_PORT: port } }),
      "Couldn't bind plugin TCP listener",
    );
  });

  test.each([
    ['2', '1', 'PLUGIN_MIN_PORT value of 2 is greater than PLUGIN_MAX_PORT value of 1'],
    ['many', '1', "Couldn't get value from PLUGIN_MIN_PORT"],
  ])('fails with a range from %s to %s', async (min, max, text) => {
    await expectFailure(tailored({ serve }, { env: { PLUGIN_MIN_PORT: min, PLUGIN_MAX_PORT: max } }), text);
  });
});

describe('TLS', () => {
  test('under AutoMTLS refuses a stranger and one who shows nothing', async () => {
    const plugin = startPluginProcess(kvTs('2'), { autoMtls: true });
    const line = await plugin.handshake();
    const stranger = createCertificate({ curve: 'P-256' });
    const trust = Buffer.from(line.certificate, 'base64').toString('base64');
    const root = Buffer.from(`-----BEGIN CERTIFICATE-----\n${trust}\n-----END CERTIFICATE-----\n`);
    for (const wrong of [
      credentials.createInsecure(),
      credentials.createSsl(root),
      credentials.createSsl(root, Buffer.from(stranger.keyPem), Buffer.from(stranger.certificatePem)),
    ]) {
      const channel = new Channel(grpcTarget(line.network, line.address), wrong, {});
      const kv = createPromiseClient(KvDefinition, channel);
      await expect(kv.get({ key: 'a' }, { timeoutMs: 2000 })).rejects.toMatchObject({
        codeName: 'UNAVAILABLE',
      });
      channel.close();
    }
    const kv = createPromiseClient(KvDefinition, await plugin.connect());
    expect(await kv.get({ key: 'a' })).toMatchObject({ found: false });
  });

  test('does not start with a host’s certificate that nobody can read', async () => {
    await expectFailure(
      startPluginProcess(kvTs('2'), { env: { PLUGIN_CLIENT_CERT: 'rubbish' } }),
      'CERTIFICATE_UNREADABLE',
    );
  });

  test('of the plugin’s own wins over the host’s wish', async () => {
    const directory = temporaryDirectory();
    const own = createCertificate({ curve: 'P-256' });
    const KV_TLS_CERT = join(directory, 'cert.pem');
    const KV_TLS_KEY = join(directory, 'key.pem');
    writeFileSync(KV_TLS_CERT, own.certificatePem);
    writeFileSync(KV_TLS_KEY, own.keyPem);
    const plugin = startPluginProcess(kvTs('2'), { autoMtls: true, env: { KV_TLS_CERT, KV_TLS_KEY } });
    const line = await plugin.handshake();
    expect(line.certificate).toBe('');
    const secure = credentials.createSsl(Buffer.from(own.certificatePem));
    const channel = new Channel(grpcTarget(line.network, line.address), secure, {});
    expect(await createPromiseClient(KvDefinition, channel).get({ key: 'a' })).toMatchObject({
      found: false,
    });
    channel.close();
  });
});

describe('a host that no longer listens', () => {
  test('to standard output and standard error does not hurt the plugin', async () => {
    const plugin = startPluginProcess(kvTs('2'));
    const probe = createPromiseClient(ProbeDefinition, await plugin.connect());
    plugin.child.stdout?.destroy();
    plugin.child.stderr?.destroy();
    for (let i = 0; i < 20; i++) {
      await probe.log({ level: 'info', message: 'into the void', fields: {} });
      await probe.print({ target: 1, text: 'into the void\n' });
      await probe.print({ target: 2, text: 'into the void\n' });
    }
    plugin.child.kill('SIGTERM');
    expect(await plugin.exit()).toEqual({ code: 0, signal: null });
  });
});

test('log records come in hclog’s form, with level, module and fields', async () => {
  const plugin = startPluginProcess(kvTs('2'));
  const probe = createPromiseClient(ProbeDefinition, await plugin.connect());
  const levels = ['trace', 'debug', 'info', 'warn', 'error'];
  for (const level of levels)
    await probe.log({ level, message: `at ${level}`, fields: { key: 'välue', n: '1' } });
  await plugin.until(() => plugin.stderr.includes('at error'), 'the records');
  const records = plugin.logs().filter(({ message }) => message.startsWith('at '));
  expect(records).toEqual(
    levels.map((level) => ({
      level,
      message: `at ${level}`,
      module: 'kv',
      timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/),
      fields: { key: 'välue', n: '1' },
    })),
  );
  expect(plugin.logs()).toContainEqual(
    expect.objectContaining({
      level: 'debug',
      message: 'plugin address',
      fields: expect.objectContaining({ network: 'unix' }),
    }),
  );
});
