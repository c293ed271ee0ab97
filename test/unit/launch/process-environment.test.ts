import type { LaunchSpec } from '../../../host/src/launch/launch-spec';
import { processEnvironment } from '../../../host/src/launch/process-environment';

const spec: LaunchSpec = {
  id: 'i',
  plugin: 'kv',
  version: '1.0.0',
  generation: 1,
  command: '/kv',
  args: [],
  env: {},
  inheritEnv: true,
  cwd: '/',
  stdin: 'ignore',
  cookie: ['KV_PLUGIN', 'hello'],
  protocolVersions: [1, 2],
  certificate: null,
  startTimeoutMs: 1,
};
const place = { directory: '/run/i', token: 'token' };
const make = (over: Partial<LaunchSpec>, own: Record<string, string>, ignoreCase = false) =>
  processEnvironment({ ...spec, ...over }, place, own, ignoreCase);

test("the caller's variables win over inherited ones", () => {
  const env = make({ env: { A: 'caller', B: 'caller' } }, { A: 'host', C: 'host' });
  expect(env).toMatchObject({ A: 'caller', B: 'caller', C: 'host' });
});

test("nothing is inherited without inheritEnv, and the caller's still arrive", () => {
  const env = make({ inheritEnv: false, env: { B: 'caller' } }, { A: 'host' });
  expect(env).not.toHaveProperty('A');
  expect(env).toMatchObject({ B: 'caller', KV_PLUGIN: 'hello' });
});

test("the host's own stale variables of the wire are not passed on", () => {
  const env = make(
    {},
    {
      PLUGIN_CLIENT_CERT: 'stale',
      PLUGIN_MULTIPLEX_GRPC: 'true',
      PLUGD_INSTANCE_TOKEN: 'stale',
      PLUGD_X: 'y',
    },
  );
  expect(env).not.toHaveProperty('PLUGIN_CLIENT_CERT');
  expect(env).not.toHaveProperty('PLUGIN_MULTIPLEX_GRPC');
  expect(env).not.toHaveProperty('PLUGD_X');
  expect(env['PLUGD_INSTANCE_TOKEN']).toBe('token');
});

test('what the wire needs wins over everything', () => {
  const env = make(
    {
      env: { PLUGIN_MIN_PORT: '1', PLUGIN_UNIX_SOCKET_DIR: '/x', PLUGD_INSTANCE_TOKEN: 'x', KV_PLUGIN: 'x' },
    },
    {},
  );
  expect(env).toMatchObject({
    PLUGIN_MIN_PORT: '10000',
    PLUGIN_MAX_PORT: '25000',
    PLUGIN_PROTOCOL_VERSIONS: expect.stringMatching(/^(1,2|2,1)$/),
    PLUGIN_UNIX_SOCKET_DIR: '/run/i',
    PLUGD_INSTANCE_TOKEN: 'token',
    KV_PLUGIN: 'hello',
  });
});

test('options of the start become variables', () => {
  const env = make(
    {
      certificate: { certificatePem: 'PEM', keyPem: 'KEY' },
      minPort: 4000,
      maxPort: 4001,
      multiplex: true,
      unixSocketGroup: 42,
    },
    {},
  );
  expect(env).toMatchObject({
    PLUGIN_CLIENT_CERT: 'PEM',
    PLUGIN_MIN_PORT: '4000',
    PLUGIN_MAX_PORT: '4001',
    PLUGIN_MULTIPLEX_GRPC: 'true',
    PLUGIN_UNIX_SOCKET_GROUP: '42',
  });
  expect(Object.values(env)).not.toContain('KEY');
});

test('where names have no case, the later one replaces the earlier one in any spelling', () => {
  const env = make({ env: { PATH: 'caller', plugin_min_port: '1' } }, { Path: 'host' }, true);
  expect(env).toMatchObject({ PATH: 'caller', PLUGIN_MIN_PORT: '10000' });
  expect(env).not.toHaveProperty('Path');
  expect(env).not.toHaveProperty('plugin_min_port');
});

test('what the host keeps for the process is told, whatever its caller and its host say', () => {
  const env = make(
    {
      env: { PLUGD_PORT_HTTP: '1' },
      scratch: true,
      configDirectory: '/run/s',
      ports: { http: 8080, Admin_2: 0 },
    },
    { PLUGD_CONFIG_DIR: 'stale' },
  );
  expect(env).toMatchObject({
    PLUGD_SCRATCH_DIR: '/run/i/scratch',
    PLUGD_CONFIG_DIR: '/run/s',
    PLUGD_PORT_HTTP: '8080',
    PLUGD_PORT_ADMIN_2: '0',
  });
});

test('what the host keeps for another process is not passed on', () => {
  const env = make({}, { PLUGD_SCRATCH_DIR: 'a', PLUGD_CONFIG_DIR: 'b', PLUGD_PORT_HTTP: '1' });
  expect(Object.keys(env).filter((name) => /^PLUGD_(SCRATCH|CONFIG|PORT)/.test(name))).toEqual([]);
});
