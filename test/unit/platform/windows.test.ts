import type { ChildProcess, SpawnOptions } from 'node:child_process';
import { EventEmitter } from 'node:events';
import type { RunProgram } from '../../../host/src/platform/run-program';
import { selectPlatform } from '../../../host/src/platform/select-platform';
import { WindowsPlatform } from '../../../host/src/platform/windows';

/** A system that answers from a table: the last part of the program's path and the arguments make the key. */
function system(answers: Record<string, string | undefined>): { run: RunProgram; asked: string[] } {
  const asked: string[] = [];
  const run: RunProgram = async (file, args) => {
    asked.push([file, ...args].join(' '));
    return answers[file.split('\\').at(-1) ?? ''];
  };
  return { run, asked };
}

test('the platform is chosen by the system', () => {
  expect(selectPlatform('win32').style).toBe('windows');
  expect(selectPlatform('linux').style).toBe('posix');
  expect(selectPlatform('darwin').style).toBe('posix');
});

test('plugins listen on TCP, nobody asks them to leave by a signal, and no guardian is needed', () => {
  const platform = new WindowsPlatform();
  expect(platform).toMatchObject({ defaultNetwork: 'tcp', unixSockets: false, guardianShell: null });
  expect(platform.terminate()).toBe(false);
});

test('children stay in the job of the host: not detached, no shell, no window', async () => {
  let seen: SpawnOptions = {};
  const child = Object.assign(new EventEmitter(), {
    pid: 4711,
    stdin: null,
    stdout: null,
    stderr: null,
    unref() {},
  });
  const platform = new WindowsPlatform({
    spawn: (_command, _args, options) => {
      seen = options;
      return child as unknown as ChildProcess;
    },
  });
  const spawned = await platform.spawn({
    command: 'C:\\kv.exe',
    args: ['a'],
    env: { A: 'b' },
    cwd: 'C:\\',
    stdin: 'ignore',
  });
  expect(seen).toMatchObject({ detached: false, shell: false, windowsHide: true, env: { A: 'b' } });
  expect(spawned).toMatchObject({ pid: 4711, group: null });
  child.emit('exit', 3, null);
  await expect(spawned.exited).resolves.toEqual({ code: 3, signal: null });
});

test('a tree is ended by the system itself', async () => {
  const { run, asked } = system({ 'taskkill.exe': 'SUCCESS' });
  const platform = new WindowsPlatform({ run, env: { SystemRoot: 'D:\\Win' } });
  expect(await platform.kill(4711)).toBe(true);
  expect(asked).toEqual(['D:\\Win\\System32\\taskkill.exe /PID 4711 /T /F']);
  expect(await new WindowsPlatform({ run: system({}).run }).kill(4711)).toBe(false);
  expect(await platform.kill(0)).toBe(false);
  expect(asked).toHaveLength(1);
});

test.each([
  ['133456789012345678\r\n', '133456789012345678'],
  ['Get-Process : Cannot find a process', null],
  [undefined, null],
])('the start time is a number of the system: %j', async (answer, startTime) => {
  const { run } = system({ 'powershell.exe': answer });
  expect(await new WindowsPlatform({ run }).startTime(4711)).toBe(startTime);
});

describe('whether a process is gone', () => {
  const refuse = (code: string) => () => {
    throw Object.assign(new Error(code), { code });
  };
  const same = system({ 'powershell.exe': '17' }).run;

  test.each([
    ['no such process', { probe: refuse('ESRCH'), run: same }, '17', true],
    ['there, and the same', { probe: () => {}, run: same }, '17', false],
    ['there, but another', { probe: () => {}, run: same }, '16', true],
    ['there, of another user', { probe: refuse('EPERM'), run: same }, '17', false],
    ['there, and the system does not say since when', { probe: () => {}, run: system({}).run }, '17', false],
    ['there, and it was never known since when', { probe: () => {}, run: system({}).run }, null, false],
  ])('%s', async (_, options, startTime, gone) => {
    expect(await new WindowsPlatform(options).isGone({ pid: 4711, startTime })).toBe(gone);
  });
});

test.each([
  ['"node.exe","4711","Console","1","45,678 K"\r\n', 45_678 * 1024],
  ['"node.exe","4711","Console","1","45.678 K"\r\n', 45_678 * 1024],
  ['"node.exe","4711","Console","1","1\u00a0045\u00a0678 K"\r\n', 1_045_678 * 1024],
  ['INFO: No tasks are running which match the specified criteria.\r\n', undefined],
  [undefined, undefined],
])('memory is read in any language: %j', async (answer, bytes) => {
  const { run } = system({ 'tasklist.exe': answer });
  const platform = new WindowsPlatform({ run });
  expect((await platform.usage(4711))?.memoryBytes).toBe(bytes);
  expect(await platform.usage(4711)).toEqual(
    bytes === undefined
      ? undefined
      : { startTime: null, memoryBytes: bytes, descriptors: undefined, cpuMs: undefined },
  );
});

test('nobody is found by a token, and there are no groups of users', async () => {
  const platform = new WindowsPlatform();
  expect(await platform.findByToken()).toEqual([]);
  expect(await platform.groupId()).toBeUndefined();
});
