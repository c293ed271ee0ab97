import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { DaemonRoom, type Ran } from '../support/daemon';
import { poll } from '../support/poll';
import { childrenOf, isRunning } from '../support/processes';

const bin = resolve(__dirname, '../../host/bin/plugd.js');
const limit = { timeoutMs: 10_000 };
const isRoot = process.getuid?.() === 0;
let room: DaemonRoom;
afterEach(() => room.close());

/** Runs the command as its users do, to its end. */
async function plugd(
  args: readonly string[],
  over: { env?: NodeJS.ProcessEnv; uid?: number } = {},
): Promise<Ran> {
  const { uid } = over;
  const child = spawn(process.execPath, [bin, ...args], {
    cwd: room.directory,
    env: { ...room.env, ...over.env },
    ...(uid === undefined ? {} : { uid, gid: uid }),
  });
  const written = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (written.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (written.stderr += text));
  const code = await new Promise<number>((done) => child.once('close', (exit) => done(exit ?? -1)));
  return { code, ...written };
}

test('a second daemon is refused for what the first one has, which goes on; killed, it leaves nothing, and the next one takes its place', async () => {
  room = new DaemonRoom('frontDoor: false\n');
  room.shelf.put('kv', '1.0.0');
  const admin = await room.start();
  await room.runs('kv', '1.0.0');
  expect(statSync(room.socket).mode & 0o777).toBe(0o600);
  expect(admin.daemon.frontDoor).toBe('');
  const same = await room.plugd('start', '--socket', `${room.socket}2`);
  const elsewhere = join(room.directory, 'elsewhere.yaml');
  writeFileSync(elsewhere, `version: 1\nstateDir: ./home/state\npluginsDir: false\nfrontDoor: false\n`);
  const other = await room.plugd('start', '--config', elsewhere);
  expect(same).toMatchObject({ code: 1, stdout: '' });
  expect(same.stderr).toContain('[STATE_DIR_IN_USE]');
  expect(same.stderr).toContain('plugd stop');
  expect(other).toMatchObject({ code: 1, stdout: '' });
  expect(other.stderr).toContain('[SOCKET_IN_USE]');
  expect(existsSync(`${room.socket}2`)).toBe(false);
  const { plugins } = await admin.listPlugins({}, limit);
  expect(plugins).toMatchObject([{ name: 'kv', state: 'serving', restarts: 0 }]);

  expect(await room.end('SIGKILL')).toEqual({ code: null, signal: 'SIGKILL' });
  await poll(
    () => room.processes(),
    (pids) => pids.length === 0,
  );
  expect(existsSync(room.socket)).toBe(true);
  const next = await room.start();
  await room.runs('kv', '1.0.0');
  // Nobody reads what it writes, and it writes more.
  room.stopReading();
  await next.stopPlugin({ plugin: 'kv' }, limit);
  await next.startPlugin({ plugin: 'kv' }, limit);
  await room.runs('kv', '1.0.0');
});

test('a daemon in the background answers when its command has ended; stop waits until it is gone', async () => {
  room = new DaemonRoom();
  const started = await plugd(['start', '--background', '--json']);
  expect(started).toMatchObject({ code: 0, stderr: '' });
  const { pid, socket } = JSON.parse(started.stdout) as { pid: number; socket: string };
  try {
    expect(socket).toBe(room.socket);
    expect(isRunning(pid)).toBe(true);
    const again = await plugd(['start', '--background']);
    expect(again.code).toBe(1);
    expect(/\[(\w+)\]/.exec(again.stderr)?.[1]).toBe('DAEMON_START_FAILED');
    expect(again.stderr).toContain('STATE_DIR_IN_USE');
    expect((await room.plugd('stop')).code).toBe(2);
    expect(await room.plugd('stop', '--yes')).toMatchObject({ code: 0, stderr: '' });
    expect(isRunning(pid)).toBe(false);
    expect((await room.plugd('stop', '--yes')).code).toBe(3);
  } finally {
    if (isRunning(pid)) process.kill(pid, 'SIGKILL');
  }
});

test('who is interrupted while a daemon starts in the background leaves it, says so, and leaves no files', async () => {
  room = new DaemonRoom();
  const child = spawn(process.execPath, [bin, 'start', '-b', '-q'], { cwd: room.directory, env: room.env });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const command = child.pid ?? 0;
  const ended = new Promise((done) => child.once('close', done));
  const [daemon = 0] = await poll(
    () => childrenOf(command),
    (pids) => pids.length > 0,
  );
  expect(readdirSync(room.directory).filter((name) => name.startsWith('plugd-start-'))).toEqual([]);
  child.kill('SIGTERM');
  expect(await ended).toBe(143);
  expect(stderr).toContain(`The daemon (pid ${daemon}) was left`);
  await poll(
    () => room.plugd('status', '-q'),
    ({ code }) => code === 0,
  );
  expect(await room.plugd('stop', '--yes', '-q')).toEqual({ code: 0, stdout: '', stderr: '' });
  expect(isRunning(daemon)).toBe(false);
});

test('what a daemon can’t be started with is said before anything is begun', async () => {
  room = new DaemonRoom();
  const refused = async (code: string, ...args: readonly string[]) => {
    const { code: exit, stderr } = await room.plugd('start', ...args);
    expect({ exit, refused: stderr.includes(`[${code}]`) || stderr }).toEqual({ exit: 1, refused: true });
  };
  const other = join(room.directory, 'other.yaml');
  writeFileSync(other, 'version: 1\npluginsDir: ./nowhere\n');
  const wrong = join(room.directory, 'wrong.yaml');
  writeFileSync(wrong, 'version: 1\nfrontdoor: false\n');
  const file = join(room.directory, 'file');
  writeFileSync(file, 'mine');
  await refused('ARTIFACT_UNREADABLE', '--config', other);
  writeFileSync(join(room.directory, 'nowhere'), 'a file');
  const { stderr } = await room.plugd('start', '--config', other);
  expect(stderr).toContain('something else is there');
  await refused('CONFIG_INVALID', '--config', wrong);
  await refused('SOCKET_PATH_TOO_LONG', '--socket', join(room.directory, 'x'.repeat(120)));
  await refused('SOCKET_IN_USE', '--socket', file);
  expect(existsSync(file)).toBe(true);
});

test('where this user may make no socket, the daemon says so and leaves nothing', async () => {
  room = new DaemonRoom();
  const nobody = 65_534;
  const own = mkdtempSync(join(tmpdir(), 'nobody-'));
  const locked = join(own, 'locked');
  try {
    mkdirSync(locked);
    writeFileSync(join(own, 'plugd.yaml'), 'version: 1\npluginsDir: false\nfrontDoor: false\n');
    if (isRoot) for (const path of [own, locked, join(own, 'plugd.yaml')]) chownSync(path, nobody, nobody);
    chmodSync(locked, 0o500);
    const env = {
      ...{ PLUGD_CONFIG: join(own, 'plugd.yaml'), HOME: own, TMPDIR: own },
      ...{ XDG_RUNTIME_DIR: own, XDG_STATE_HOME: own },
    };
    const socket = join(locked, 'plugd.sock');
    const { code, stderr } = await plugd(['start', '--socket', socket], {
      env,
      ...(isRoot ? { uid: nobody } : {}),
    });
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('[LISTEN_FAILED]') });
    expect(room.processes()).toEqual([]);
  } finally {
    rmSync(own, { recursive: true, force: true });
  }
});

const mounts = isRoot && canMount();

function canMount(): boolean {
  const at = mkdtempSync(join(tmpdir(), 'mount-'));
  try {
    if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', at]).status !== 0) return false;
    spawnSync('umount', [at]);
    return true;
  } finally {
    rmSync(at, { recursive: true, force: true });
  }
}

const full = process.env['PLUGD_FULL'] === '1';

(mounts && full ? test : test.skip)(
  'a full disk under its state costs records, and no plugin; it can still be stopped',
  async () => {
    room = new DaemonRoom();
    const disk = join(room.directory, 'disk');
    mkdirSync(disk, { mode: 0o700 });
    expect(spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=4m,mode=700', 'tmpfs', disk]).status).toBe(0);
    try {
      room.configure(`stateDir: ${JSON.stringify(disk)}\n`);
      room.shelf.put('kv', '1.0.0');
      const admin = await room.start();
      await room.runs('kv', '1.0.0');
      fill(join(disk, 'filler'));
      const pin = () => admin.pinPlugin({ plugin: 'kv', version: '1.0.0' }, limit);
      await expect(pin()).rejects.toMatchObject({ code: 'STATE_DIR_UNUSABLE' });
      // What is begun of a page may still be filled.
      for (let times = 0; times < 30; times++) await pin().catch(() => {});
      const [row] = (await admin.listPlugins({}, limit)).plugins;
      expect(row).toMatchObject({ state: 'serving', restarts: 0, pinnedVersion: '' });
      await admin.stopPlugin({ plugin: 'kv' }, limit);
      await poll(
        () => room.output.stderr,
        (text) => text.includes('the record of changes can’t be written'),
      );
      rmSync(join(disk, 'filler'));
      await admin.startPlugin({ plugin: 'kv' }, limit);
      await room.runs('kv', '1.0.0');
      expect(room.output.stderr).toContain('records of changes were lost');
      expect(await room.end()).toEqual({ code: 0, signal: null });
      fill(join(disk, 'filler'));
      const { code, stderr } = await room.plugd('start');
      expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('[STATE_DIR_UNUSABLE]') });
      expect(stderr).toContain('there is no room left');
    } finally {
      await room.end('SIGKILL');
      spawnSync('umount', [disk]);
    }
  },
);

/** To the last byte. */
function fill(path: string): void {
  for (const bytes of [64 * 1024, 4096, 1])
    for (;;) {
      try {
        writeFileSync(path, Buffer.alloc(bytes), { flag: 'a' });
      } catch {
        break;
      }
    }
}
