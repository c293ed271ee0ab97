import { PassThrough } from 'node:stream';
import { Guardian } from '../../../host/src/launch/guardian';
import type { Platform, ProcessExit, SpawnedProcess, SpawnSpec } from '../../../host/src/platform/platform';
import { PosixPlatform } from '../../../host/src/platform/posix';

/** Shells that do nothing but remember what they were told. */
class Shells {
  readonly specs: SpawnSpec[] = [];
  readonly told: string[] = [];
  readonly killed: number[] = [];
  refuse = false;
  #last: ((exit: ProcessExit) => void)[] = [];

  readonly platform: Platform = Object.assign(new PosixPlatform(), {
    spawn: async (spec: SpawnSpec): Promise<SpawnedProcess> => {
      if (this.refuse) throw Object.assign(new Error('EAGAIN'), { code: 'EAGAIN' });
      this.specs.push(spec);
      this.told.push('');
      const index = this.told.length - 1;
      const stdin = new PassThrough();
      stdin.on('data', (data) => {
        this.told[index] += String(data);
        if (String(data) === 'quit\n') this.exit();
      });
      const listeners: ((exit: ProcessExit) => void)[] = [];
      this.#last = listeners;
      const exited = new Promise<ProcessExit>((resolve) => listeners.push(resolve));
      return {
        pid: 1000 + index,
        group: 1000 + index,
        stdin,
        stdout: null,
        stderr: null,
        exited,
        onExit: (listener) => listeners.push(listener),
        unref: () => {},
      };
    },
    kill: async (pid: number) => this.killed.push(pid) > 0,
  });

  exit(): void {
    for (const listener of this.#last) listener({ code: null, signal: 'SIGKILL' });
  }
}

let shells: Shells;
beforeEach(() => {
  jest.useFakeTimers();
  shells = new Shells();
});
afterEach(() => jest.useRealTimers());

test('it tells what is guarded, what changed and what is not guarded any more', async () => {
  const guardian = new Guardian({ platform: shells.platform });
  await guardian.open();
  const group = guardian.guard('group', '77 -');
  const directory = guardian.guard('directory', '/run/a b');
  group.update('77 123');
  directory.release();
  directory.release();
  directory.update('/run/c');
  await jest.advanceTimersByTimeAsync(0);
  expect(shells.told).toEqual(['add 1 group 77 -\nadd 2 directory /run/a b\nadd 1 group 77 123\ndel 2\n']);
});

test('a new shell is told everything that still holds', async () => {
  const lost: unknown[] = [];
  const guardian = new Guardian({ platform: shells.platform, onRestart: (exit) => lost.push(exit) });
  await guardian.open();
  guardian.guard('group', '77 123');
  guardian.guard('token', 'abc').release();
  shells.exit();
  expect(guardian.pid).toBeUndefined();
  const late = guardian.guard('directory', '/run/x');
  late.update('/run/y');
  await jest.advanceTimersByTimeAsync(1);
  expect(guardian.pid).toBe(1001);
  expect(shells.told[1]).toBe('add 1 group 77 123\nadd 3 directory /run/y\n');
  expect(lost).toEqual([{ pid: 1000, delayMs: 0 }]);
});

test('a shell that dies again and again is started ever more slowly, but always', async () => {
  const delays: number[] = [];
  const guardian = new Guardian({
    platform: shells.platform,
    onRestart: ({ delayMs }) => delays.push(delayMs),
  });
  await guardian.open();
  for (let i = 0; i < 10; i++) {
    shells.exit();
    await jest.advanceTimersByTimeAsync(5_000);
    expect(guardian.pid).toBe(1001 + i);
  }
  expect(delays.slice(0, 4)).toEqual([0, 200, 400, 800]);
  expect(Math.max(...delays)).toBe(5_000);
});

test('a system that refuses a shell for a while gets asked again', async () => {
  const guardian = new Guardian({ platform: shells.platform });
  await guardian.open();
  shells.refuse = true;
  shells.exit();
  await jest.advanceTimersByTimeAsync(12_000);
  expect(guardian.pid).toBeUndefined();
  shells.refuse = false;
  await jest.advanceTimersByTimeAsync(5_000);
  expect(guardian.pid).toBe(1001);
});

test('without a shell the host does not start', async () => {
  shells.refuse = true;
  await expect(new Guardian({ platform: shells.platform }).open()).rejects.toMatchObject({
    code: 'GUARDIAN_FAILED',
    cause: { code: 'EAGAIN' },
  });
});

test('closing with nothing left, or leaving what is there alone, sends it away', async () => {
  for (const abandon of [false, true]) {
    const guardian = new Guardian({ platform: shells.platform });
    await guardian.open();
    const guarded = guardian.guard('token', 'abc');
    if (!abandon) guarded.release();
    await guardian.close({ abandon });
    expect(shells.told.at(-1)?.endsWith('quit\n')).toBe(true);
  }
  expect(shells.killed).toEqual([]);
});

test('closing with something left ends the pipe, as the death of the host would', async () => {
  const guardian = new Guardian({ platform: shells.platform });
  await guardian.open();
  guardian.guard('token', 'abc');
  const closed = guardian.close({ abandon: false });
  await jest.advanceTimersByTimeAsync(10);
  expect(shells.told[0]).not.toContain('quit');
  shells.exit();
  await closed;
  await jest.advanceTimersByTimeAsync(60_000);
  expect(shells.specs).toHaveLength(1);
});

test('closing does not wait for ever for a shell that hangs', async () => {
  const guardian = new Guardian({ platform: shells.platform });
  await guardian.open();
  guardian.guard('token', 'abc');
  const closed = guardian.close({ abandon: false });
  await jest.advanceTimersByTimeAsync(2_000);
  await closed;
  expect(shells.killed).toEqual([1000]);
});

test('the shell gets nothing of the environment of the host', async () => {
  process.env['PLUGD_INSTANCE_TOKEN'] = 'of an outer host';
  try {
    await new Guardian({ platform: shells.platform }).open();
    expect(Object.keys(shells.specs[0]?.env ?? {}).sort()).toEqual(['LC_ALL', 'PATH']);
  } finally {
    delete process.env['PLUGD_INSTANCE_TOKEN'];
  }
});

test('where the system ends children with their parent there is only the book', async () => {
  const guardian = new Guardian({
    platform: Object.assign(new PosixPlatform(), { guardianShell: null }) as unknown as Platform,
  });
  await guardian.open();
  guardian.guard('directory', 'C:\\x').release();
  expect(guardian.pid).toBeUndefined();
  await guardian.close({ abandon: false });
});
