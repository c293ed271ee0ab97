import { spawn } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PosixPlatform } from '../../../host/src/platform/posix';

const temp = mkdtempSync(join(tmpdir(), 'posix-'));
afterAll(() => rmSync(temp, { recursive: true }));

/** A /proc with processes of our choice. */
function proc(
  processes: Record<
    number,
    {
      name?: string;
      state?: string;
      start?: number;
      environ?: string;
      rss?: number;
      /** Clock ticks, user and system. */
      cpu?: readonly [number, number];
    }
  >,
): string {
  const root = mkdtempSync(join(temp, 'proc-'));
  mkdirSync(join(root, 'self-is-no-number'));
  for (const [pid, about] of Object.entries(processes)) {
    const { name = 'kv', state = 'S', start = 100, environ, rss, cpu = [0, 0] } = about;
    mkdirSync(join(root, pid));
    const fields = [state, 1, pid, pid, 0, -1, 0, 0, 0, 0, 0, ...cpu, 0, 0, 20, 0, 1, 0, start, 0, 0];
    writeFileSync(join(root, pid, 'stat'), `${pid} (${name}) ${fields.join(' ')}\n`);
    if (environ !== undefined) writeFileSync(join(root, pid, 'environ'), environ);
    if (rss !== undefined) writeFileSync(join(root, pid, 'status'), `Name:\tkv\nVmRSS:\t   ${rss} kB\n`);
  }
  return root;
}

describe('on Linux', () => {
  test('a process is itself only with its start time, and a zombie has ended', async () => {
    const platform = new PosixPlatform({
      name: 'linux',
      proc: proc({ 10: { start: 5 }, 11: { start: 6, state: 'Z' }, 12: { name: 'a) S (b', start: 7 } }),
    });
    expect(await platform.startTime(10)).toBe('5');
    expect(await platform.startTime(11)).toBeNull();
    expect(await platform.startTime(12)).toBe('7');
    expect(await platform.startTime(99)).toBeNull();
    expect(await platform.isGone({ pid: 10, startTime: '5' })).toBe(false);
    expect(await platform.isGone({ pid: 10, startTime: '4' })).toBe(true);
    expect(await platform.isGone({ pid: 11, startTime: '6' })).toBe(true);
    expect(await platform.isGone({ pid: 99, startTime: '5' })).toBe(true);
  });

  test('processes are found by what stands in their environment, and zombies are not', async () => {
    const platform = new PosixPlatform({
      name: 'linux',
      proc: proc({
        10: { environ: 'A=b\0PLUGD_INSTANCE_TOKEN=one\0', start: 5 },
        11: { environ: 'PLUGD_INSTANCE_TOKEN=two\0' },
        12: { environ: 'PLUGD_INSTANCE_TOKEN=one\0', state: 'Z' },
        13: {},
        [process.pid]: { environ: 'PLUGD_INSTANCE_TOKEN=one\0' },
      }),
    });
    const [one, two, none] = await Promise.all([
      platform.findByToken('one'),
      platform.findByToken('two'),
      platform.findByToken(''),
    ]);
    expect(one).toEqual([{ pid: 10, startTime: '5' }]);
    expect(two).toEqual([{ pid: 11, startTime: '100' }]);
    expect(none).toEqual([]);
  });

  test('a process is found by what stands at the end of a long environment', async () => {
    const environ = `${'A=b\0'.repeat(50_000)}PLUGD_INSTANCE_TOKEN=one\0`;
    const platform = new PosixPlatform({ name: 'linux', proc: proc({ 10: { environ, start: 5 } }) });
    expect(await platform.findByToken('one')).toEqual([{ pid: 10, startTime: '5' }]);
  });

  test('memory is what is resident, processor time what user and system took', async () => {
    const platform = new PosixPlatform({
      name: 'linux',
      proc: proc({
        10: { rss: 2048, cpu: [120, 3], start: 5, name: 'a) S (b' },
        11: {},
        12: { rss: 1, state: 'Z' },
      }),
    });
    expect(await platform.usage(10)).toMatchObject({
      startTime: '5',
      memoryBytes: 2048 * 1024,
      cpuMs: 1_230,
    });
    expect((await platform.usage(10))?.memoryBytes).toBe(2048 * 1024);
    expect(await platform.usage(11)).toMatchObject({ memoryBytes: undefined, descriptors: undefined });
    expect(await platform.usage(12)).toBeUndefined();
    expect(await platform.usage(99)).toBeUndefined();
  });

  const onLinux = process.platform === 'linux' ? test : test.skip;
  onLinux('the system itself tells what a process uses', async () => {
    const platform = new PosixPlatform();
    const before = await platform.usage(process.pid);
    const files = Array.from({ length: 50 }, () => openSync(__filename, 'r'));
    const kept = Buffer.alloc(64 * 1024 * 1024, 1);
    const end = process.cpuUsage().user + 100_000;
    while (process.cpuUsage().user < end);
    const after = await platform.usage(process.pid);
    for (const file of files) closeSync(file);
    if (before === undefined || after === undefined) throw new Error('this process is there');
    expect(after.startTime).toBe(await platform.startTime(process.pid));
    expect(after.startTime).toBe(before.startTime);
    expect(Number(after.descriptors) - Number(before.descriptors)).toBeGreaterThanOrEqual(50);
    expect(Number(after.memoryBytes)).toBeGreaterThan(kept.length);
    expect(Number(after.cpuMs) - Number(before.cpuMs)).toBeGreaterThanOrEqual(80);
    // In the units of Node's own words on it.
    const { user, system } = process.cpuUsage();
    expect(Math.abs((user + system) / 1000 - Number(after.cpuMs))).toBeLessThan(500);
  });
});

describe('without /proc', () => {
  const ps = (answer: string | undefined) => ({
    name: 'darwin' as const,
    signal: () => {},
    run: async () => answer,
  });

  test('the system is asked by ps', async () => {
    const platform = new PosixPlatform(ps('S    Sun Nov  3 05:56:00 2024    \n'));
    expect(await platform.startTime(10)).toBe('Sun Nov 3 05:56:00 2024');
    expect(await platform.isGone({ pid: 10, startTime: 'Sun Nov 3 05:56:00 2024' })).toBe(false);
    expect(await platform.isGone({ pid: 10, startTime: 'Sun Nov 3 05:55:00 2024' })).toBe(true);
    expect(await new PosixPlatform(ps('Z+   Sun Nov  3 05:56:00 2024\n')).startTime(10)).toBeNull();
    expect(await new PosixPlatform(ps(undefined)).startTime(10)).toBeNull();
    expect(await platform.findByToken('one')).toEqual([]);
  });

  test.each([
    ['1:02.30', 62_300],
    ['125:00,50', 7_500_500],
    ['01:02:03', 3_723_000],
    ['2-00:00:01', 172_801_000],
    ['?', undefined],
  ])('what a process uses is asked of ps: a time of %s', async (time, cpuMs) => {
    expect(await new PosixPlatform(ps(`S   2048 ${time} Sun Nov  3 05:56:00 2024\n`)).usage(10)).toEqual({
      startTime: 'Sun Nov 3 05:56:00 2024',
      memoryBytes: 2048 * 1024,
      descriptors: undefined,
      cpuMs,
    });
  });

  test('who is not there, or a zombie, uses nothing', async () => {
    expect(await new PosixPlatform(ps(undefined)).usage(10)).toBeUndefined();
    expect(await new PosixPlatform(ps('Z+ 0 0:00.00 Sun Nov  3 05:56:00 2024\n')).usage(10)).toBeUndefined();
    expect(await new PosixPlatform(ps(undefined)).usage(10)).toBeUndefined();
  });

  test('a pid that takes no signal is gone without asking', async () => {
    const platform = new PosixPlatform({
      ...ps('S Sun'),
      signal: () => {
        throw Object.assign(new Error(), { code: 'ESRCH' });
      },
    });
    expect(await platform.isGone({ pid: 10, startTime: 'Sun' })).toBe(true);
  });
});

describe('signals', () => {
  test('go to the group, or to the one process where there is none', async () => {
    const sent: [number, unknown][] = [];
    const platform = new PosixPlatform({ signal: (pid, signal) => sent.push([pid, signal]) });
    expect(platform.terminate(50, 50)).toBe(true);
    expect(await platform.kill(50, 50)).toBe(true);
    expect(await platform.kill(51, null)).toBe(true);
    expect(sent).toEqual([
      [-50, 'SIGTERM'],
      [-50, 'SIGKILL'],
      [51, 'SIGKILL'],
    ]);
  });

  test.each([
    [0, null],
    [1, null],
    [-5, 1],
    [7, 0],
    [7, 1],
    [Number.NaN, null],
  ])('never go to everyone, to init or to ourselves: pid %p, group %p', async (pid, group) => {
    const platform = new PosixPlatform({
      signal: () => {
        throw new Error('a signal was sent');
      },
    });
    expect(await platform.kill(pid, group)).toBe(false);
  });

  test('to what is gone are no error', async () => {
    const child = spawn('true');
    await new Promise((resolve) => child.once('exit', resolve));
    const platform = new PosixPlatform();
    expect(platform.terminate(child.pid ?? 0, child.pid ?? 0)).toBe(false);
  });
});

test('a child leads a group and session of its own and gets just the environment that was given', async () => {
  const platform = new PosixPlatform();
  const child = await platform.spawn({
    command: '/bin/sh',
    args: ['-c', 'cut -d" " -f5,6 /proc/$$/stat; env'],
    env: { ONLY: 'this', PATH: '/usr/bin:/bin' },
    cwd: temp,
    stdin: 'ignore',
  });
  let text = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  await new Promise((resolve) => child.stdout?.once('close', resolve));
  expect(await child.exited).toEqual({ code: 0, signal: null });
  const [group, ...env] = text.trim().split('\n');
  expect(group).toBe(`${child.pid} ${child.pid}`);
  expect(env).toContain('ONLY=this');
  expect(env.some((line) => line.startsWith('HOME='))).toBe(false);
});

test('what the system says when it refuses to start something is passed on', async () => {
  const spec = { args: [], env: {}, cwd: temp, stdin: 'ignore' as const };
  const platform = new PosixPlatform();
  await expect(platform.spawn({ ...spec, command: join(temp, 'absent') })).rejects.toMatchObject({
    code: 'ENOENT',
  });
  await expect(platform.spawn({ ...spec, command: temp })).rejects.toMatchObject({ code: 'EACCES' });
});

describe('places for a run directory', () => {
  const first = (path: string | undefined): string | undefined =>
    new PosixPlatform({ env: { XDG_RUNTIME_DIR: path } }).runDirectoryBases()[0];

  test('XDG_RUNTIME_DIR is taken only if it is ours alone', () => {
    const own = join(temp, 'own');
    mkdirSync(own, { mode: 0o700 });
    expect(first(own)).toBe(own);
    const open = join(temp, 'open');
    mkdirSync(open);
    chmodSync(open, 0o777);
    symlinkSync(own, join(temp, 'link'));
    for (const path of [undefined, '', open, join(temp, 'link'), join(temp, 'absent'), 'relative'])
      expect(first(path)).toBe(tmpdir());
  });

  test('/tmp is the last resort', () => {
    expect(new PosixPlatform({ env: {} }).runDirectoryBases().at(-1)).toBe('/tmp');
  });
});
