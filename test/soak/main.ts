// Soaks a host: runs it in a process of its own, so that only it is measured, judges what it says of itself, and looks
// for what it has left. Bundled and run by scripts/soak.mjs. argv: a file of JSON, see Task.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { processesWith } from '../support/processes';
import type { End, Message, Order } from './host-program';
import type { Reading } from './reading';
import { judge } from './verdict';

export interface Task extends Omit<Order, 'runDir' | 'mark'> {
  /** The host's program. */
  readonly program: string;
}

const MIB = 1024 * 1024;

async function main({ program, ...order }: Task): Promise<number> {
  const runDir = mkdtempSync(join(tmpdir(), 'plugd-soak-run-'));
  const mark = `soak-${randomBytes(8).toString('hex')}`;
  const given: Order = { ...order, runDir, mark };
  // Without the optimizing compiler: it learns for hours, and what it keeps, some MiB in the end, would hide small leaks.
  const child = spawn(process.execPath, ['--expose-gc', '--no-opt', program, JSON.stringify(given)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
  const ask = (): void => void child.kill('SIGTERM');
  process.once('SIGINT', ask).once('SIGTERM', ask);

  const readings: Reading[] = [];
  let end: End | undefined;
  for await (const line of createInterface({ input: child.stdout })) {
    if (line === '') continue;
    const message = JSON.parse(line) as Message;
    if ('end' in message) {
      end = message.end;
      continue;
    }
    readings.push(message.reading);
    console.log(progress(message.reading));
  }
  const code = await exited;
  // A guardian takes a moment when the host was killed.
  if (code !== 0) await sleep(2_000);
  const left = {
    processes: processesWith(`SOAK_MARK=${mark}`),
    files: existsSync(runDir) ? readdirSync(runDir) : [],
  };
  for (const pid of left.processes) process.kill(pid, 'SIGKILL');
  rmSync(runDir, { recursive: true, force: true });

  const faults = [...(end === undefined ? [] : judge(readings, end).faults)];
  if (code !== 0 || end === undefined) faults.push(`the host left with ${code ?? 'a signal'}`);
  if (left.processes.length > 0) faults.push(`${left.processes.length} processes are left`);
  if (left.files.length > 0) faults.push(`left in the run directory: ${left.files.join(', ')}`);
  console.log(JSON.stringify(summary(order.seed, readings, end, faults)));
  return faults.length === 0 ? 0 : 1;
}

function progress(reading: Reading): string {
  const {
    seconds,
    restarts,
    rssBytes,
    heapBytes,
    codeBytes,
    externalBytes,
    descriptors,
    timers,
    children,
    files,
  } = reading;
  const handles = Object.values(reading.handles).reduce((sum, count) => sum + count, 0);
  return [
    `${seconds.toFixed(0).padStart(5)} s`,
    `${String(restarts).padStart(5)} restarts`,
    `rss ${mib(rssBytes)} MiB`,
    `heap ${mib(heapBytes, 2)}, code ${mib(codeBytes, 2)}`,
    `external ${mib(externalBytes, 2)}`,
    `descriptors ${descriptors}`,
    `handles ${handles}`,
    `timers ${timers}`,
    `children ${children}`,
    `files ${files}`,
  ].join('  ');
}

const mib = (bytes: number, digits = 1): string => (bytes / MIB).toFixed(digits);

function summary(
  seed: number,
  readings: readonly Reading[],
  end: End | undefined,
  faults: readonly string[],
): object {
  const [first] = readings;
  return {
    held: faults.length === 0,
    faults: faults.slice(0, 20),
    seed,
    readings: readings.length,
    first,
    last: readings.at(-1),
    mostRssBytes: Math.max(...readings.map(({ rssBytes }) => rssBytes)),
    ...(end === undefined
      ? {}
      : { bytesPerRestart: judge(readings, end).bytesPerRestart ?? 'too short to tell', ...end }),
  };
}

void main(JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as Task).then((code) => {
  process.exitCode = code;
});
