import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { buildSync } from 'esbuild';
import type { InstanceRecord } from '../../host/src/launch/instance-record';
import { childrenOf, eventually, isRunning, processesWith } from '../support/processes';
import { chaos, LaunchRoom } from './launch-support';

// Each of these hosts ends without a word; what it started has to be gone by what it prepared for that. They have nothing in
// common, wait for most of their time, and so some run at once.

const full = process.env['PLUGD_FULL'] === '1';

let temp: string;
let program: string;
const hosts: ChildProcess[] = [];
const marks: string[] = [];

beforeAll(() => {
  temp = mkdtempSync(join(tmpdir(), 'launch-host-'));
  program = join(temp, 'host.js');
  buildSync({
    entryPoints: [resolve(__dirname, 'launch-host-program.ts')],
    outfile: program,
    bundle: true,
    platform: 'node',
    target: 'node20',
    alias: { '@plugd/protocol': resolve(__dirname, '../../proto/src') },
  });
});
afterAll(() => {
  for (const host of hosts) host.kill('SIGKILL');
  // Where a test has failed something is left.
  for (const pid of marks.flatMap(processesWith)) process.kill(pid, 'SIGKILL');
  rmSync(temp, { recursive: true, force: true });
});

interface Said {
  directory: string;
  guardianPid: number;
  records?: InstanceRecord[];
}

async function run(what: string): Promise<{ host: ChildProcess; mark: string; said: Said }> {
  const mark = `killed-host-${randomBytes(8).toString('hex')}`;
  const host = spawn(process.execPath, [program, chaos, mark, what], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  hosts.push(host);
  marks.push(mark);
  const line = await new Promise<string>((resolveLine, reject) => {
    createInterface({ input: host.stdout as NonNullable<typeof host.stdout> }).once('line', resolveLine);
    host.once('exit', () => setTimeout(() => reject(new Error('the host said nothing')), 500));
  });
  return { host, mark, said: JSON.parse(line) as Said };
}

async function expectNothingLeft(mark: string, said: Said): Promise<void> {
  const left = (): unknown[] => [
    ...processesWith(mark),
    ...[said.directory, ...(said.records ?? []).map(({ address }) => address)].filter((path) =>
      existsSync(path),
    ),
  ];
  const begun = performance.now();
  await eventually(() => left().length === 0, 2_000, 'all processes, sockets and directories are gone');
  expect(performance.now() - begun).toBeLessThan(2_000);
  await eventually(() => !isRunning(said.guardianPid), 2_000, 'the guardian is gone');
  expect(left()).toEqual([]);
}

test.concurrent('a host killed at rest leaves no process, no directory and no socket', async () => {
  const { host, mark, said } = await run('rest');
  expect(processesWith(mark).length).toBeGreaterThanOrEqual(7);
  host.kill('SIGKILL');
  await expectNothingLeft(mark, said);
});

test.concurrent('a host killed during a start leaves nothing', async () => {
  const { host, mark, said } = await run('start');
  await eventually(() => processesWith(mark).length >= 2, 5_000, 'something is being started');
  host.kill('SIGKILL');
  await expectNothingLeft(mark, said);
});

test.concurrent('a host killed between spawn and everything else leaves nothing', async () => {
  for (const delayMs of full ? [31, 57, 83, 110, 134] : [31, 83, 134]) {
    const { host, mark, said } = await run('storm');
    await new Promise((next) => setTimeout(next, delayMs));
    host.kill('SIGKILL');
    await expectNothingLeft(mark, said);
  }
}, 30_000);

test.concurrent('a host that ends without closing leaves nothing', async () => {
  const { mark, said } = await run('exit');
  await expectNothingLeft(mark, said);
});

test.concurrent('a guardian that is killed is replaced by one that knows everything', async () => {
  const { host, mark, said } = await run('rest');
  process.kill(said.guardianPid, 'SIGKILL');
  await eventually(() => childrenOf(host.pid ?? 0).some(isGuardian), 10_000, 'there is another guardian');
  await new Promise((next) => setTimeout(next, 100));
  const guardianPid = childrenOf(host.pid ?? 0).find(isGuardian) ?? 0;
  expect(guardianPid).not.toBe(said.guardianPid);
  host.kill('SIGKILL');
  await expectNothingLeft(mark, { ...said, guardianPid });
});

test.concurrent('signals that end others do not end a guardian', async () => {
  const { host, mark, said } = await run('rest');
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGINT'] as const) process.kill(said.guardianPid, signal);
  await new Promise((next) => setTimeout(next, 200));
  expect(isRunning(said.guardianPid)).toBe(true);
  host.kill('SIGKILL');
  await expectNothingLeft(mark, said);
});

test.concurrent('what was handed over outlives its host, and the next one ends it', async () => {
  const { mark, said } = await run('hand-over');
  const record = said.records?.[0];
  if (record === undefined) throw new Error('no record');
  await eventually(() => !isRunning(said.guardianPid), 10_000, 'the first guardian is gone');
  await new Promise((next) => setTimeout(next, 600));
  expect(processesWith(mark)).toEqual([record.pid]);
  const room = await LaunchRoom.open();
  const instance = await room.launcher.attach(record);
  await instance.stop({ timeoutMs: 2_000 });
  expect(processesWith(mark)).toEqual([]);
  expect(existsSync(said.directory)).toBe(false);
  await room.close();
});

function isGuardian(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes('plugd-guardian');
  } catch {
    // It has ended since it was listed.
    return false;
  }
}
