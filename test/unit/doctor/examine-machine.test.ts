import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import type { DaemonPlaces } from '../../../host/src/config/places';
import { examineRoom, examineStateDir } from '../../../host/src/doctor/examine-directories';
import { examineLimits, examineMachine } from '../../../host/src/doctor/examine-machine';
import { examineRunDirectory, examineSockets } from '../../../host/src/doctor/examine-sockets';
import { Findings } from '../../../host/src/doctor/finding';
import { mountOf, readMounts } from '../../../host/src/doctor/mounts';
import { readLimits } from '../../../host/src/doctor/process-limits';
import { Ward } from './ward';

const ward = new Ward();
afterAll(() => ward.remove());

const places = (more: Partial<DaemonPlaces> = {}): DaemonPlaces => ({
  socket: ward.path('plugd.sock'),
  frontDoor: false,
  metrics: false,
  stateDir: ward.path('state'),
  logDir: ward.path('state/logs'),
  pluginsDir: undefined,
  ...more,
});

const mount = (type: string, ...options: string[]) => [{ point: '/', type, options }];
const onLinux = process.platform === 'linux' ? test : test.skip;
const asUser = process.getuid?.() === 0 ? test.skip : test;

/** The one thing that is wrong, or undefined. */
async function wrong(
  examine: (findings: Findings) => unknown,
): Promise<Findings['list'][number] | undefined> {
  const findings = new Findings('machine');
  await examine(findings);
  const [first, ...others] = findings.list.filter(({ verdict }) => verdict !== 'ok');
  expect(others).toEqual([]);
  if (first !== undefined) expect(first.fix).toMatch(/\w/);
  return first;
}

test('this machine is fit, and nothing of the examination is left on it', async () => {
  const findings = await examineMachine(
    { env: process.env, cwd: '/', places: places(), start: false },
    false,
  );
  expect(findings.filter(({ verdict }) => verdict === 'fail')).toEqual([]);
  expect(findings.map(({ check }) => check)).toEqual(
    expect.arrayContaining(['node', 'system', 'run directory', 'admin socket', 'state directory', 'journal']),
  );
  expect(readdirSync(ward.directory)).toEqual([]);
});

onLinux('the limits of a process are those that its shell says', async () => {
  expect(readLimits().get('Max open files')?.soft).toBe(
    Number(execFileSync('/bin/sh', ['-c', 'ulimit -n'], { encoding: 'utf8' })),
  );
  const limits = (files: string) => {
    ward.put(
      'proc/7/limits',
      `Limit  Soft Limit  Hard Limit  Units\nMax open files            ${files}            unlimited            files\n`,
    );
    return readLimits(7, ward.path('proc')).get('Max open files');
  };
  expect(limits('64')).toEqual({ soft: 64, hard: Number.POSITIVE_INFINITY });
  expect(readLimits(999_999_999)).toEqual(new Map());
});

onLinux('a process that may open few files is told of', async () => {
  const program = spawn('/bin/sh', ['-c', 'ulimit -n 100 && echo ready && exec sleep 60'], { stdio: 'pipe' });
  try {
    await new Promise((ready) => program.stdout.once('data', ready));
    expect(await wrong((findings) => examineLimits(findings, program.pid ?? 0))).toMatchObject({
      check: 'open files',
      verdict: 'fail',
      seen: expect.stringContaining('100 open files are allowed'),
    });
  } finally {
    program.kill('SIGKILL');
  }
});

describe('sockets', () => {
  let server: Server | undefined;
  afterEach(() => new Promise<void>((done) => (server ? server.close(() => done()) : done())));

  test('with too long a path', async () => {
    const socket = ward.path(`${'d'.repeat(100)}/plugd.sock`);
    expect(await wrong((findings) => examineSockets(findings, places({ socket }), false))).toMatchObject({
      check: 'admin socket',
      verdict: 'fail',
      seen: expect.stringMatching(/needs \d+ bytes; \d+ are possible/),
    });
  });

  test('where a file is that is no socket', async () => {
    const frontDoor = { socket: ward.put('front.sock', 'text') };
    expect(await wrong((findings) => examineSockets(findings, places({ frontDoor }), false))).toMatchObject({
      check: 'front door',
      verdict: 'fail',
    });
  });

  test('where somebody else listens, and where somebody did', async () => {
    const socket = ward.path('live.sock');
    server = createServer();
    await new Promise<void>((done) => server?.listen(socket, done));
    const examine = (findings: Findings) => examineSockets(findings, places({ socket }), false);
    expect(await wrong(examine)).toMatchObject({
      check: 'admin socket',
      seen: `Another program listens at ${socket}.`,
    });
    // With a daemon that answers it is the daemon.
    expect(await wrong((findings) => examineSockets(findings, places({ socket }), true))).toBeUndefined();
    // One that was killed leaves its socket.
    const script = `require('net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`;
    const stale = ward.path('stale.sock');
    expect(() => execFileSync(process.execPath, ['-e', script, stale])).toThrow();
    expect(readdirSync(ward.directory)).toContain('stale.sock');
    expect(
      await wrong((findings) => examineSockets(findings, places({ socket: stale }), false)),
    ).toBeUndefined();
  });

  asUser('in a directory that this user may not write to', async () => {
    expect(
      await wrong((findings) => examineSockets(findings, places({ socket: '/etc/plugd.sock' }), false)),
    ).toMatchObject({ check: 'admin socket', verdict: 'fail' });
  });
});

describe('the run directory', () => {
  const { XDG_RUNTIME_DIR } = process.env;
  afterEach(() => {
    if (XDG_RUNTIME_DIR === undefined) delete process.env['XDG_RUNTIME_DIR'];
    else process.env['XDG_RUNTIME_DIR'] = XDG_RUNTIME_DIR;
  });

  test('is another one than XDG_RUNTIME_DIR where that is too deep', async () => {
    const deep = ward.path('d'.repeat(90));
    mkdirSync(deep, { mode: 0o700 });
    process.env['XDG_RUNTIME_DIR'] = deep;
    expect(await wrong((findings) => examineRunDirectory(findings, process.env))).toMatchObject({
      check: 'run directory',
      verdict: 'warn',
      seen: expect.stringMatching(/not in XDG_RUNTIME_DIR \(.*\): its path is \d+ bytes too long\.$/),
    });
    expect(readdirSync(deep)).toEqual([]);
    chmodSync(deep, 0o777);
    expect(await wrong((findings) => examineRunDirectory(findings, process.env))).toMatchObject({
      seen: expect.stringContaining('): that is drwxrwxrwx'),
    });
  });

  test('old plugins need a TMPDIR that is not too long', async () => {
    const env = { TMPDIR: `/tmp/${'t'.repeat(100)}` };
    expect(await wrong((findings) => examineRunDirectory(findings, env))).toMatchObject({
      check: 'socket path',
      verdict: 'warn',
    });
  });
});

describe('the state directory', () => {
  const examine = (stateDir: string, mounts = mount('ext4', 'rw')) =>
    wrong((findings) => examineStateDir(findings, stateDir, mounts));

  test('may be missing', async () => {
    expect(await examine(ward.path('missing/state'))).toBeUndefined();
  });

  test('that lets others in', async () => {
    const open = ward.path('open');
    mkdirSync(open);
    chmodSync(open, 0o755);
    expect(await examine(open)).toMatchObject({ check: 'state directory', fix: `chmod 700 ${open}` });
    chmodSync(open, 0o700);
    expect(await examine(open)).toBeUndefined();
    symlinkSync(open, ward.path('link'));
    expect(await examine(ward.path('link'))).toMatchObject({ verdict: 'fail' });
  });

  test.each([
    ['from which nothing may be run', mount('ext4', 'rw', 'noexec'), 'fail'],
    ['that is empty after a start of the machine', mount('tmpfs', 'rw'), 'warn'],
    ['on another machine', mount('nfs4', 'rw'), 'warn'],
  ])('on a file system %s', async (_, mounts, verdict) => {
    expect(await examine(ward.path('any'), mounts)).toMatchObject({ check: 'state directory', verdict });
  });

  test('has room, as far as it can be told', async () => {
    expect(await wrong((findings) => examineRoom(findings, 'disk', ward.path('a/b/c')))).toBeUndefined();
  });
});

onLinux('mounts are those of the system', () => {
  expect(mountOf('/proc/self')?.type).toBe('proc');
  expect(mountOf('/')?.point).toBe('/');
  ward.put(
    'mountinfo',
    [
      '22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw',
      '30 22 0:25 / /tmp rw,nosuid,noexec - tmpfs tmpfs rw,size=1000k',
      '31 22 0:26 / /tmp/with\\040blank rw shared:1 - nfs4 far:/x rw',
      'nonsense',
    ].join('\n'),
  );
  const mounts = readMounts(ward.path('mountinfo'));
  expect(mountOf('/tmp', mounts)).toEqual({
    point: '/tmp',
    type: 'tmpfs',
    options: ['rw', 'nosuid', 'noexec', 'size=1000k'],
  });
  expect(mounts[2]).toMatchObject({ point: '/tmp/with blank', type: 'nfs4' });
  expect(mountOf('/etc', mounts)?.type).toBe('ext4');
  expect(readMounts(ward.path('missing'))).toEqual([]);
});
