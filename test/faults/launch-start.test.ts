import { createCertificate } from '@plugd/protocol/certificate';
import type { ErrorCode } from '@plugd/protocol/error-codes';
import type { LaunchSpec } from '../../host/src/launch/launch-spec';
import { testsAtOnce } from '../support/at-once';
import { LaunchRoom } from './launch-support';

let room: LaunchRoom;
beforeAll(async () => {
  room = await LaunchRoom.open();
});
afterAll(() => room.close());
const { atOnce, own } = testsAtOnce(() => LaunchRoom.open());

const { certificatePem, keyPem } = createCertificate();
const autoMtls: Partial<LaunchSpec> = { certificate: { certificatePem, keyPem } };
const impatient: Partial<LaunchSpec> = { startTimeoutMs: 400 };

type Row = [name: string, mode: string, code: ErrorCode, facts: object, over?: Partial<LaunchSpec>];

atOnce.each<Row>([
  [
    'one that exits at once',
    'stderr:no database;exit:3',
    'EXITED_BEFORE_HANDSHAKE',
    { exitCode: 3, signal: null, stderr: ['no database'] },
  ],
  ['one that ends as if done', 'exit:0', 'EXITED_BEFORE_HANDSHAKE', { exitCode: 0 }],
  ['one that a signal ends', 'signal:SIGSEGV', 'EXITED_BEFORE_HANDSHAKE', { signal: 'SIGSEGV' }],
  [
    'one whose grandchild keeps the pipes',
    'stderr:bye;grandchild-pipes;exit:6',
    'EXITED_BEFORE_HANDSHAKE',
    { exitCode: 6, stderr: expect.arrayContaining(['bye']) },
  ],
  ['one that prints nothing', 'silent', 'START_TIMEOUT', { startTimeoutMs: 400, stderr: [] }, impatient],
  [
    'one that prints half a line',
    'half-line',
    'HANDSHAKE_INCOMPLETE',
    { stdout: '1|1|unix|/tmp/plu', startTimeoutMs: 400 },
    impatient,
  ],
  [
    'one that exits in the middle of its line',
    'half-line-exit',
    'HANDSHAKE_INCOMPLETE',
    { stdout: '1|1|unix|/tmp/plu', exitCode: 4 },
  ],
  ['one that closes its stdout', 'close-stdout', 'HANDSHAKE_INCOMPLETE', { stderr: [] }],
  [
    'one that prints a banner first',
    'banner:Welcome to Chaos',
    'HANDSHAKE_UNREADABLE',
    { stdout: expect.stringMatching(/^Welcome to Chaos\\n1\|/) },
  ],
  ['one that prints an empty line first', 'line:', 'HANDSHAKE_UNREADABLE', { stdout: '\\n' }],
  [
    'a line of more than 64 KiB',
    'long-line',
    'HANDSHAKE_TOO_LONG',
    { stdout: expect.stringMatching(/^x+$/) },
  ],
  ['a line that is not UTF-8', 'non-utf8', 'HANDSHAKE_UNREADABLE', { stdout: expect.stringContaining('1|') }],
  ['a cookie that is refused', 'wrong-cookie', 'COOKIE_REJECTED', { exitCode: 1 }],
  ['another cookie', '', 'COOKIE_REJECTED', { exitCode: 1 }, { cookie: ['OTHER_PLUGIN', 'x'] }],
  ['another core version', 'core-version:2', 'CORE_VERSION_MISMATCH', {}],
  ['a core version that is no number', 'core-version:x', 'CORE_VERSION_UNREADABLE', {}],
  ['a version that was not offered', '', 'PROTOCOL_VERSION_MISMATCH', {}, { protocolVersions: [7, 9] }],
  ['a version that is no number', 'app-version:y', 'PROTOCOL_VERSION_UNREADABLE', {}],
  ['net/rpc', 'netrpc', 'PROTOCOL_UNSUPPORTED', {}],
  ['net/rpc by leaving the field out', 'line:1|1|unix|/tmp/x', 'PROTOCOL_UNSUPPORTED', {}],
  ['an unknown network', 'line:1|1|udp|/tmp/x|grpc|', 'NETWORK_UNSUPPORTED', {}],
  ['a TCP address elsewhere', 'tcp-nonloopback', 'ADDRESS_NOT_LOOPBACK', {}],
  ['a TCP address that is none', 'line:1|1|tcp|99999|grpc|', 'ADDRESS_INVALID', {}],
  ['a relative socket path', 'line:1|1|unix|plugin1|grpc|', 'ADDRESS_INVALID', {}],
  ['a socket path that no socket can have', `line:1|1|unix|/${'x'.repeat(120)}|grpc|`, 'ADDRESS_INVALID', {}],
  ['a garbled certificate', 'garbled-cert', 'CERTIFICATE_UNREADABLE', {}, autoMtls],
  ['a certificate that is none', 'rubbish-cert', 'CERTIFICATE_UNREADABLE', {}, autoMtls],
  ['no certificate though asked', 'no-cert', 'AUTO_MTLS_UNSUPPORTED', {}, autoMtls],
  [
    'a certificate though not asked',
    '',
    'CERTIFICATE_UNEXPECTED',
    {},
    { env: { PLUGIN_CLIENT_CERT: certificatePem } },
  ],
  ['a start script that fails', '', 'SPAWN_FAILED', { cwd: '/nowhere/at/all' }, { cwd: '/nowhere/at/all' }],
])('%s is one error and leaves nothing', async (_, mode, code, facts, over = {}) => {
  const error = await own().failure(mode, over);
  expect(error).toMatchObject({ code, facts });
  expect(error.hint).not.toBe('');
  expect(error.facts).not.toHaveProperty('notEnded');
});

test('every failure names the file, its kind, architecture and permissions, and the plugin', async () => {
  const { facts } = await room.failure('exit:3');
  expect(facts).toMatchObject({
    plugin: 'chaos',
    version: '1.0.0',
    path: expect.stringMatching(/chaos$/),
    executable: 'script',
    interpreter: '/usr/bin/env',
    hostArchitecture: process.arch,
    mode: '-rwxr-xr-x',
    owner: process.getuid?.(),
    currentUser: process.getuid?.(),
    pid: expect.any(Number),
  });
});

test('a plugin that can not do AutoMTLS is refused with the remedy', async () => {
  const error = await room.failure('no-cert', autoMtls);
  expect(error.hint).toContain('autoMtls: false');
});

test('a start that is given up ends the process', async () => {
  const abort = new AbortController();
  setTimeout(() => abort.abort(), 150);
  const begun = performance.now();
  expect(await room.failure('silent', {}, abort.signal)).toMatchObject({ code: 'ABORTED' });
  expect(performance.now() - begun).toBeLessThan(3_000);
});

test('a start that was given up before it began starts nothing', async () => {
  expect(await room.failure('', {}, AbortSignal.abort())).toMatchObject({ code: 'ABORTED' });
});

test('a plugin that ends right after its line never counts as started for good', async () => {
  // Whether the line or the exit is seen first is a race: the exit is reported in either case.
  const outcome = await room.start('line-and-exit:5').catch((error: unknown) => error);
  if (outcome instanceof Error)
    expect(outcome).toMatchObject({ code: 'PLUGIN_EXITED', facts: { exitCode: 5 } });
  else {
    const instance = outcome as Awaited<ReturnType<LaunchRoom['start']>>;
    await instance.exited;
    expect(instance.error('PLUGIN_EXITED', 'gone')).toMatchObject({ facts: { exitCode: 5 } });
    await instance.kill();
  }
  expect(room.files()).toEqual([]);
});

test('one failing start after the other leaves the neighbours alone', async () => {
  const neighbour = await room.start('');
  await Promise.all(
    ['exit:3', 'line:hello', 'signal:SIGKILL'].map((mode) => room.start(mode).catch(() => {})),
  );
  expect(neighbour.exit).toBeUndefined();
  expect(room.processes()).toEqual([neighbour.record.pid]);
  await neighbour.stop({ timeoutMs: 2_000 });
  expect(room.processes()).toEqual([]);
});
