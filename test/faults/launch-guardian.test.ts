import { randomBytes } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Guardian } from '../../host/src/launch/guardian';
import type { SpawnedProcess } from '../../host/src/platform/platform';
import { PosixPlatform } from '../../host/src/platform/posix';
import { eventually, isRunning } from '../support/processes';

/** A hundred with --full. */
const groups = process.env['PLUGD_FULL'] === '1' ? 100 : 20;

const platform = new PosixPlatform();
let temp: string;
let guardian: Guardian;
let children: SpawnedProcess[];
beforeEach(async () => {
  temp = mkdtempSync(join(tmpdir(), 'guardian test '));
  children = [];
  guardian = new Guardian({ platform });
  await guardian.open();
});
afterEach(async () => {
  await guardian.close({ abandon: true });
  for (const { pid, group } of children) await platform.kill(pid, group);
  rmSync(temp, { recursive: true, force: true });
});

async function sleeper(env: Record<string, string> = {}, command = '/bin/sleep'): Promise<SpawnedProcess> {
  const child = await platform.spawn({
    command,
    args: ['600'],
    env: { PATH: '/usr/bin:/bin', ...env },
    cwd: '/',
    stdin: 'ignore',
    output: false,
  });
  children.push(child);
  return child;
}

/** What the death of the host would do: the pipe ends with things still guarded. */
async function hostIsGone(): Promise<void> {
  const pid = guardian.pid ?? 0;
  await guardian.close({ abandon: false });
  await eventually(() => !isRunning(pid), 2_000, 'the guardian has done its work');
}

test('groups, what carries a token, directories and stray sockets go; all else stays', async () => {
  const token = randomBytes(16).toString('hex');
  const grouped = await sleeper();
  const marked = await sleeper({ PLUGD_INSTANCE_TOKEN: `${token}-1` });
  const released = await sleeper();
  const stranger = await sleeper();
  const directory = join(temp, 'run dir');
  mkdirSync(join(directory, 'i-1'), { recursive: true });
  const precious = join(temp, 'precious');
  writeFileSync(precious, '');
  symlinkSync(precious, join(directory, 'link'));
  const socket = join(temp, 'plugin1');
  const server = createServer().listen(socket).unref();
  guardian.guard('group', `${grouped.pid} ${await platform.startTime(grouped.pid)}`);
  guardian.guard('group', `${released.pid} -`).release();
  guardian.guard('token', token);
  guardian.guard('directory', directory);
  guardian.guard('socket', socket);
  guardian.guard('socket', precious);
  await hostIsGone();
  expect([grouped, marked, released, stranger].map(({ pid }) => isRunning(pid))).toEqual([
    false,
    false,
    true,
    true,
  ]);
  expect(existsSync(directory)).toBe(false);
  expect(existsSync(socket)).toBe(false);
  expect(existsSync(precious)).toBe(true);
  await new Promise((resolve) => server.close(resolve));
});

test('a number that is another process by now is not signalled', async () => {
  const stranger = await sleeper();
  const startTime = Number(await platform.startTime(stranger.pid));
  guardian.guard('group', `${stranger.pid} ${startTime - 1}`);
  await hostIsGone();
  expect(isRunning(stranger.pid)).toBe(true);
});

test('a program is recognised whatever it is called', async () => {
  const command = join(temp, ') S (1\n2');
  copyFileSync('/bin/sleep', command);
  const odd = await sleeper({}, command);
  expect(readFileSync(`/proc/${odd.pid}/stat`, 'latin1')).toContain('(1\n2)');
  guardian.guard('group', `${odd.pid} ${await platform.startTime(odd.pid)}`);
  await hostIsGone();
  expect(isRunning(odd.pid)).toBe(false);
});

test('a group whose leader has gone is still ended', async () => {
  const leader = await platform.spawn({
    command: '/bin/sh',
    args: ['-c', 'sleep 600 & echo $!'],
    env: { PATH: '/usr/bin:/bin' },
    cwd: '/',
    stdin: 'ignore',
  });
  const member = await new Promise<number>((resolve) =>
    leader.stdout?.once('data', (data) => resolve(Number(String(data)))),
  );
  leader.stdout?.destroy();
  leader.stderr?.destroy();
  await leader.exited;
  expect(isRunning(member)).toBe(true);
  guardian.guard('group', `${leader.pid} 1`);
  await hostIsGone();
  expect(isRunning(member)).toBe(false);
});

test('a guardian that is told to leave things alone does so', async () => {
  const child = await sleeper();
  guardian.guard('group', `${child.pid} -`);
  guardian.guard('directory', temp);
  await guardian.close({ abandon: true });
  await new Promise((resolve) => setTimeout(resolve, 700));
  expect(isRunning(child.pid)).toBe(true);
  expect(existsSync(temp)).toBe(true);
});

test(`${groups} groups are no problem`, async () => {
  const many = await Promise.all(Array.from({ length: groups }, () => sleeper()));
  for (const { pid } of many) guardian.guard('group', `${pid} ${await platform.startTime(pid)}`);
  const begun = performance.now();
  await hostIsGone();
  expect(performance.now() - begun).toBeLessThan(2_000);
  expect(many.filter(({ pid }) => isRunning(pid))).toEqual([]);
});
