import { join } from 'node:path';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { ProbeDefinition } from '@plugd/protocol/gen/samples/probe/v1/probe';
import { runHostProgram } from '../support/host-program';
import { failureOf, HostRoom } from '../support/host-room';
import { describeWithGo } from '../support/needs-go';
import { kvGo, kvTs } from '../support/samples';

// Real processes, on a machine that may be busy.
jest.setTimeout(60_000);

const reader = join(__dirname, '../support/plugins/stdin-reader.cjs');

let room: HostRoom;
const before = { ...process.env };
beforeEach(async () => {
  room = await HostRoom.open();
});
afterEach(async () => {
  for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name];
  Object.assign(process.env, before);
  await room.close();
});

type Options = Parameters<HostRoom['load']>[1];

async function seen(command: string, names: readonly string[], options: Options = {}) {
  const plugin = await room.load(command, options);
  const { environment } = await plugin.client(ProbeDefinition).inspect({ environment: [...names] });
  return environment;
}

function suite(sample: (version: '1' | '2') => string): void {
  test('the plugin sees the host’s environment, and what env gives wins over it', async () => {
    Object.assign(process.env, { KV_TEST_ONE: 'host', KV_TEST_TWO: 'host', PLUGIN_OF_MINE: 'kept' });
    const names = ['KV_TEST_ONE', 'KV_TEST_TWO', 'KV_TEST_THREE', 'PLUGIN_OF_MINE'];
    expect(await seen(sample('1'), names, { env: { KV_TEST_TWO: 'caller', KV_TEST_THREE: '' } })).toEqual({
      KV_TEST_ONE: 'host',
      KV_TEST_TWO: 'caller',
      KV_TEST_THREE: '',
      PLUGIN_OF_MINE: 'kept',
    });
  });

  test('inheritEnv: false leaves it with env and the wire’s variables alone', async () => {
    process.env['KV_TEST_ONE'] = 'host';
    // A script needs PATH for its interpreter.
    const env = { PATH: process.env['PATH'] ?? '', KV_TEST_TWO: 'caller' };
    const names = ['KV_TEST_ONE', 'KV_TEST_TWO', 'HOME', 'PWD', 'USER', 'KV_PLUGIN'];
    expect(await seen(sample('1'), names, { inheritEnv: false, env })).toEqual({
      KV_TEST_TWO: 'caller',
      KV_PLUGIN: 'hello',
    });
  });

  test('variables of the wire that the host itself was given are not passed on', async () => {
    Object.assign(process.env, {
      PLUGIN_CLIENT_CERT: 'of my own host',
      PLUGIN_MULTIPLEX_GRPC: 'true',
      PLUGIN_UNIX_SOCKET_GROUP: 'no-such-group',
      PLUGIN_UNIX_SOCKET_DIR: '/nowhere',
      PLUGIN_PROTOCOL_VERSIONS: '77',
      PLUGIN_MIN_PORT: '1',
      PLUGIN_MAX_PORT: '2',
      PLUGD_EXIT_WITH_PARENT: '0',
      PLUGD_INSTANCE_TOKEN: 'of my own host',
      PLUGD_ANYTHING: 'x',
    });
    const names = Object.keys(process.env).filter((name) => /^PLUG(IN|D)_/.test(name));
    const environment = await seen(sample('1'), names, { autoMtls: false });
    const [instance] = room.host.plugin('kv')?.status().instances ?? [];
    expect(environment).toEqual({
      PLUGIN_PROTOCOL_VERSIONS: '1,2',
      PLUGIN_MIN_PORT: '10000',
      PLUGIN_MAX_PORT: '25000',
      PLUGIN_UNIX_SOCKET_DIR: instance?.address.replace(/\/[^/]*$/, ''),
      PLUGD_INSTANCE_TOKEN: expect.stringMatching(/^[0-9a-f]{32}-[0-9a-f]{16}$/),
    });
  });

  test('what the caller gives for plugd’s own variables is passed on', async () => {
    process.env['PLUGD_EXIT_WITH_PARENT'] = '1';
    const env = { PLUGD_EXIT_WITH_PARENT: '0' };
    expect(await seen(sample('1'), ['PLUGD_EXIT_WITH_PARENT'], { env })).toEqual(env);
  });

  test('handshake.protocolVersions: the highest that both speak is taken', async () => {
    const plugin = await room.load(sample('2'), {
      version: '2.0.0',
      handshake: { cookie: ['KV_PLUGIN', 'hello'], protocolVersions: [9, 1, 2] },
    });
    expect(plugin.status().protocolVersion).toBe(2);
    expect((await plugin.client(ProbeDefinition).inspect({})).protocolVersion).toBe(2);
  });

  test('handshake.protocolVersions: none in common is refused with what each side speaks', async () => {
    const error = await failureOf(
      room.load(sample('2'), { handshake: { cookie: ['KV_PLUGIN', 'hello'], protocolVersions: [8, 9] } }),
    );
    expect(error.code).toBe('PROTOCOL_VERSION_MISMATCH');
    expect(error.message).toMatch(/8.*9/);
    expect(room.processes()).toEqual([]);
  });

  test.each([
    ['value', ['KV_PLUGIN', 'goodbye']],
    ['name', ['OTHER_PLUGIN', 'hello']],
  ] as const)('handshake.cookie: another %s is refused as that', async (_what, cookie) => {
    const error = await failureOf(room.load(sample('1'), { handshake: { cookie, protocolVersions: [1] } }));
    expect(error.code).toBe('COOKIE_REJECTED');
    expect(room.processes()).toEqual([]);
  });
}

describe('a plugin in TS', () => suite(kvTs));
describeWithGo('a plugin in Go', () => suite(kvGo));

describe('stdin', () => {
  const load = { name: 'reader', version: '1.0.0', command: process.execPath, args: [reader] };

  test('is empty unless asked for', async () => {
    const plugin = await room.load(process.execPath, { args: [reader] });
    const answer = await plugin.client(KvDefinition).get({ key: 'key' });
    expect(Buffer.from(answer.value).toString()).toBe('');
    const { stdout } = await runHostProgram({ load }, 'not for the plugin');
    expect(JSON.parse(stdout)).toEqual({ value: '' });
  });

  test('inherit gives the plugin the host’s', async () => {
    const { stdout } = await runHostProgram({ load: { ...load, stdin: 'inherit' } }, 'first line\nlast\n');
    expect(JSON.parse(stdout)).toEqual({ value: 'first line\nlast\n' });
  });
});
