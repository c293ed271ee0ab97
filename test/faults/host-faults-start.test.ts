import type { ErrorCode, PluginError } from '@plugd/host';
import { createCertificate } from '@plugd/protocol/certificate';
import { besides } from '../support/besides';
import { isRunning } from '../support/processes';
import { FaultRoom, type Over } from './host-faults-support';

// What an application sees of plugins that do not come up: one error each, with what is known, and nothing left.

const full = process.env['PLUGD_FULL'] === '1';

let room: FaultRoom;
beforeAll(async () => {
  room = await FaultRoom.open();
});
afterEach(() => {
  // Every day some are tried at once: then those after them look.
  if (full) expect(room.leftFiles()).toEqual([]);
});
afterAll(async () => {
  expect(room.leftFiles()).toEqual([]);
  await room.close();
});

const { certificatePem } = createCertificate();
const plain: Over = { autoMtls: false };

type Row = [name: string, mode: string, code: ErrorCode, facts: object, over?: Over];

/** The wire's own errors, in the order in which they are checked for. */
const wire: Row[] = [
  ['an exit after the line', 'line-and-exit:5', 'PLUGIN_EXITED', { exitCode: 5, signal: null }],
  ['an exit without a line', 'stderr:no database;exit:3', 'EXITED_BEFORE_HANDSHAKE', { exitCode: 3 }],
  ['a closed stdout without a line', 'close-stdout', 'HANDSHAKE_INCOMPLETE', {}],
  ['fewer than four fields', 'line:1|1|unix', 'HANDSHAKE_UNREADABLE', { stdout: '1|1|unix\\n' }],
  ['a blank first line', 'line:', 'HANDSHAKE_UNREADABLE', { stdout: '\\n' }],
  [
    'a line of more than 64 KiB',
    'long-line',
    'HANDSHAKE_TOO_LONG',
    { stdout: expect.stringMatching(/^x{1000}/) },
  ],
  [
    'a core version that is no number',
    'core-version:x',
    'CORE_VERSION_UNREADABLE',
    { pluginCoreVersion: 'x' },
  ],
  [
    'another core version',
    'core-version:2',
    'CORE_VERSION_MISMATCH',
    { pluginCoreVersion: '2', hostCoreVersion: 1 },
  ],
  ['a version that is no number', 'app-version:y', 'PROTOCOL_VERSION_UNREADABLE', { pluginVersion: 'y' }],
  [
    'a version that was not offered',
    'app-version:77',
    'PROTOCOL_VERSION_MISMATCH',
    { pluginVersion: '77', hostVersions: [1, 2] },
  ],
  [
    'another network',
    'line:1|1|udp|/tmp/x|grpc|',
    'NETWORK_UNSUPPORTED',
    { network: 'udp', address: '/tmp/x' },
  ],
  ['a bad TCP address', 'line:1|1|tcp|99999|grpc|', 'ADDRESS_INVALID', { address: '99999' }],
  [
    'a protocol that is not allowed',
    'line:1|1|unix|/tmp/x|foo|',
    'PROTOCOL_UNSUPPORTED',
    { protocol: 'foo' },
  ],
  ['a certificate that is not base64', 'garbled-cert', 'CERTIFICATE_UNREADABLE', {}],
  ['a certificate that is not X.509', 'rubbish-cert', 'CERTIFICATE_UNREADABLE', {}],
  ['a certificate that is not X.509, not asked for', 'rubbish-cert', 'CERTIFICATE_UNREADABLE', {}, plain],
  [
    'a certificate though the host has no TLS',
    '',
    'CERTIFICATE_UNEXPECTED',
    {},
    { ...plain, env: { PLUGIN_CLIENT_CERT: certificatePem } },
  ],
];

/** What the wire leaves to whoever calls first, or does not know at all. */
const beyond: Row[] = [
  ['an exit in the middle of the line', 'half-line-exit', 'HANDSHAKE_INCOMPLETE', { exitCode: 4 }],
  [
    'a banner before the line',
    'banner:Welcome',
    'HANDSHAKE_UNREADABLE',
    { stdout: expect.stringMatching(/^Welcome\\n1\|/) },
  ],
  ['a line that is not UTF-8', 'non-utf8', 'HANDSHAKE_UNREADABLE', {}],
  ['a signal', 'signal:SIGSEGV', 'EXITED_BEFORE_HANDSHAKE', { exitCode: null, signal: 'SIGSEGV' }],
  [
    'a cookie that the plugin does not know',
    '',
    'COOKIE_REJECTED',
    { exitCode: 1, stderr: expect.arrayContaining([expect.stringContaining('is a plugin')]) },
    { handshake: { cookie: ['KV_PLUGIN', 'bonjour'], protocolVersions: [1] } },
  ],
  [
    'no version in common',
    '',
    'PROTOCOL_VERSION_MISMATCH',
    { pluginVersion: '1', hostVersions: [7, 9] },
    { handshake: { cookie: ['KV_PLUGIN', 'hello'], protocolVersions: [7, 9] } },
  ],
  ['net/rpc only', 'netrpc', 'PROTOCOL_UNSUPPORTED', { protocol: 'netrpc', supported: ['grpc'] }],
  ['net/rpc, said by silence', 'line:1|1|unix|/tmp/x', 'PROTOCOL_UNSUPPORTED', { protocol: 'netrpc' }],
  ['a TCP address elsewhere', 'tcp-nonloopback', 'ADDRESS_NOT_LOOPBACK', { address: '192.0.2.1:1234' }],
  [
    'a socket path that no socket can have',
    `line:1|1|unix|/${'x'.repeat(120)}|grpc|`,
    'ADDRESS_INVALID',
    { network: 'unix' },
    plain,
  ],
  ['no certificate though asked', 'no-cert', 'AUTO_MTLS_UNSUPPORTED', {}],
  ["someone else's certificate", 'foreign-cert', 'TLS_FAILED', { network: 'unix' }],
  ['TLS announced but not spoken', 'no-tls', 'TLS_FAILED', { network: 'unix' }],
  ["a plugin that refuses the host's certificate", 'distrust-host', 'TLS_FAILED', { network: 'unix' }],
  ['TLS of its own that is not spoken', '', 'TLS_FAILED', {}, { tls: { ca: certificatePem } }],
  ['a dead socket after a good line', 'dead-socket', 'CONNECT_FAILED', { network: 'unix' }],
  ['a dead socket, without TLS', 'dead-socket', 'CONNECT_FAILED', { network: 'unix' }, plain],
  ['a dead TCP port', 'dead-socket;tcp', 'CONNECT_FAILED', { address: '127.0.0.1:1' }, plain],
  ['a plugin that deletes its socket', 'delete-socket', 'CONNECT_FAILED', { network: 'unix' }],
  ['a socket that hangs up', 'hang-up-socket', 'CONNECT_FAILED', {}, plain],
  ['a socket that hangs up, with TLS', 'hang-up-socket', 'TLS_FAILED', {}],
  ['a socket that speaks something else', 'rubbish-socket', 'CONNECT_FAILED', {}, plain],
  ['a socket that speaks something else, with TLS', 'rubbish-socket', 'TLS_FAILED', {}],
  ['a crash in the health check', 'crash-in-health', 'PLUGIN_EXITED', { exitCode: null, signal: 'SIGKILL' }],
  ['a crash after the line', 'crash-after-line', 'PLUGIN_EXITED', { signal: 'SIGKILL' }],
  ['a health check that fails', 'fail-health', 'HEALTH_NOT_SERVING', { network: 'unix' }],
  [
    'another version than the one asked for',
    '',
    'VERSION_MISMATCH',
    { asked: '1.0.0', said: '7.0.0' },
    { env: { CHAOS_VERSION: '7.0.0' } },
  ],
  [
    'a grandchild that keeps the pipes of one that leaves',
    'stderr:bye;grandchild-pipes;exit:6',
    'EXITED_BEFORE_HANDSHAKE',
    { exitCode: 6, stderr: expect.arrayContaining(['bye']) },
  ],
  [
    'a grandchild in its own session',
    'grandchild-session;line:nonsense',
    'HANDSHAKE_UNREADABLE',
    { stderr: [expect.stringMatching(/^grandchild \d+$/)] },
  ],
  [
    'a grandchild that keeps the pipes of one that lies',
    'grandchild-pipes;dead-socket',
    'CONNECT_FAILED',
    { stderr: [expect.stringMatching(/^grandchild \d+$/)] },
  ],
  [
    'log lines with wrong types before an exit',
    'json-wrong-types;exit:2',
    'EXITED_BEFORE_HANDSHAKE',
    { exitCode: 2, stderr: expect.arrayContaining(['{"@level":3,"@message":"level is a number"}']) },
  ],
];

/** Every day the first that leads to an error, and of each that leaves a grandchild; with --full all. */
function daily(rows: readonly Row[]): Row[] {
  const kinds = rows.map(([, mode, code]) => mode.match(/grandchild-\w+/)?.[0] ?? code);
  return rows.filter((_, index) => full || kinds.indexOf(kinds[index] ?? '') === index);
}

describe.each([
  ["The wire's errors", daily(wire)],
  ['Faults beyond the wire', daily(beyond)],
])('%s', (_, rows) => {
  (full ? test : test.concurrent).each(rows)('%s', async (_name, mode, code, facts, over = {}) => {
    expectSaid(await room.failure(mode, over), code, facts);
  });
});

function expectSaid(error: PluginError, code: ErrorCode, facts: object): void {
  expect(error).toMatchObject({
    code,
    fault: expect.stringMatching(/^(plugin|host|operator|caller)$/),
    hint: expect.stringMatching(/\w{3,}.*\.$/s),
    facts: {
      plugin: expect.stringMatching(/^fault-\d+$/),
      version: '1.0.0',
      pid: expect.any(Number),
      stderr: expect.any(Array),
      path: expect.stringMatching(/chaos$/),
      executable: 'script',
      hostArchitecture: process.arch,
      mode: '-rwxr-xr-x',
      ...facts,
    },
  });
  expect(isRunning(Number(error.facts['pid']))).toBe(false);
  expect(error.facts).not.toHaveProperty('notEnded');
  expect(error.message).toBe(`[${code}] ${error.summary} ${error.hint}`);
}

test('a plugin without health service is taken at its word, with a warning', async () => {
  const loaded = await room.load('no-health');
  await loaded.plugin.stop();
  room.expectGone(loaded);
  expect(room.room.log.records).toContainEqual(
    expect.objectContaining({ level: 'warn', message: expect.stringContaining('no health service') }),
  );
});

test('a line that comes in two parts is a good one', async () => {
  const loaded = await room.load('split-line:150');
  await loaded.plugin.stop();
  room.expectGone(loaded);
});

test('a name whose load failed is free, and the next load of it succeeds', async () => {
  const { options } = room.options('exit:3');
  await expect(room.room.host.load(options)).rejects.toMatchObject({ code: 'EXITED_BEFORE_HANDSHAKE' });
  const plugin = await room.room.host.load({ ...options, env: { ...options.env, CHAOS: '' } });
  await plugin.stop();
});

// Side by side in a room of their own, while the other tests go on.
besides('what waits until its time is over says what it waited for', async () => {
  const own = await FaultRoom.open();
  try {
    // Long enough to get so far on a busy machine.
    const patient: Over = { startTimeoutMs: 4_000 };
    const begun = performance.now();
    const rows: [mode: string, code: ErrorCode, facts: object, over: Over][] = [
      ['stderr:warming up;silent', 'START_TIMEOUT', { startTimeoutMs: 4_000, stderr: ['warming up'] }, {}],
      ['half-line', 'HANDSHAKE_INCOMPLETE', { stdout: '1|1|unix|/tmp/plu' }, {}],
      ['not-serving', 'HEALTH_NOT_SERVING', { reported: 'NOT_SERVING' }, {}],
      ['hang-health', 'HEALTH_TIMEOUT', { network: 'unix' }, {}],
      ['silent-socket', 'HEALTH_TIMEOUT', { network: 'unix' }, plain],
      ['silent-socket', 'HEALTH_TIMEOUT', { network: 'unix' }, {}],
    ];
    await Promise.all(
      rows.map(async ([mode, code, facts, over]) =>
        expectSaid(await own.failure(mode, { ...patient, ...over }), code, facts),
      ),
    );
    expect(performance.now() - begun).toBeGreaterThanOrEqual(patient.startTimeoutMs ?? 0);
    expect(own.leftFiles()).toEqual([]);
  } finally {
    await own.close();
  }
});
