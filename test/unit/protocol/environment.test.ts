import { pluginEnvironment, scrubEnvironment } from '@plugd/protocol/environment';
import { thrown } from './thrown';

const plain = {
  cookie: ['KV_PLUGIN', 'hello'],
  protocolVersions: [2, 1],
  minPort: 10_000,
  maxPort: 25_000,
  unixSocketDir: '/run/x',
} as const;

test('a plain start sets what go-plugin sets, in its order', () => {
  expect(Object.entries(pluginEnvironment(plain))).toEqual([
    ['KV_PLUGIN', 'hello'],
    ['PLUGIN_MIN_PORT', '10000'],
    ['PLUGIN_MAX_PORT', '25000'],
    ['PLUGIN_PROTOCOL_VERSIONS', '2,1'],
    ['PLUGIN_UNIX_SOCKET_DIR', '/run/x'],
  ]);
});

test('everything that can be asked for is asked for', () => {
  expect(
    pluginEnvironment({
      ...plain,
      multiplex: true,
      clientCertificate: '-----BEGIN',
      unixSocketGroup: 'staff',
    }),
  ).toMatchObject({
    PLUGIN_MULTIPLEX_GRPC: 'true',
    PLUGIN_CLIENT_CERT: '-----BEGIN',
    PLUGIN_UNIX_SOCKET_GROUP: 'staff',
  });
});

test('not asking for multiplexing leaves the variable out, since go-plugin takes any value for yes', () => {
  expect(pluginEnvironment({ ...plain, multiplex: false })).not.toHaveProperty('PLUGIN_MULTIPLEX_GRPC');
});

test.each([[['', 'x']], [['X', '']], [['A=B', 'x']], [['A\0', 'x']], [['A', 'x\0']]] as const)(
  'the cookie %j is refused before a process is started',
  (cookie) => {
    expect(thrown(() => pluginEnvironment({ ...plain, cookie })).code).toBe('OPTIONS_INVALID');
  },
);

test("what the host's own host told it does not reach its plugins; everything else does", () => {
  const env = {
    PLUGIN_CLIENT_CERT: 'stale',
    PLUGIN_MULTIPLEX_GRPC: '0',
    PLUGIN_MIN_PORT: '1',
    PLUGIN_MAX_PORT: '2',
    PLUGIN_PROTOCOL_VERSIONS: '9',
    PLUGIN_UNIX_SOCKET_GROUP: 'g',
    Plugin_Unix_Socket_Dir: '/old',
    PLUGD_INSTANCE_TOKEN: 'abc',
    PLUGD_ANYTHING: 'x',
    PLUGIN_CACHE_DIR: "the user's own",
    PATH: '/bin',
    UNSET: undefined,
  };
  const before = { ...env };
  expect(scrubEnvironment(env)).toEqual({ PLUGIN_CACHE_DIR: "the user's own", PATH: '/bin' });
  expect(env).toEqual(before);
});
