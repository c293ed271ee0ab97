import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { goIsHere } from '../../support/needs-go';
import { eventually, processesWith } from '../../support/processes';
import { chaosTs, kvGo, kvTs } from '../../support/samples';
import type { Fault, Mode, Report } from './fault';
import type { Order } from './host-program';

/** Beyond the limit of its fault: for the host's own start, the quiet time, and its end. */
const GRACE_MS = 40_000;

/** A fault that happened: what the host says of it, or why there is no report, and what is left of it. */
export interface Run {
  readonly fault: Fault;
  readonly mode: Mode;
  readonly report: Report | undefined;
  readonly trouble: string;
  readonly left: readonly number[];
}

/** Mounts a small file system over the run directory, seen by this process and its children alone. */
const SMALL_DISK = 'mount -t tmpfs -o size=1m,nr_inodes=200,mode=700 plugd "$1" || exit 77; shift; exec "$@"';

/** Runs one row of the table in a host of its own. */
export async function runFault(
  fault: Fault,
  mode: Mode,
  { program, timed }: { readonly program: string; readonly timed: boolean },
): Promise<Run> {
  const mark = `fault-${randomBytes(8).toString('hex')}`;
  const runDir = mkdtempSync(join(tmpdir(), 'fault-'));
  // What the neighbour is made in says nothing here: the one that starts soonest, but where it is timed.
  const good = goIsHere && !timed ? kvGo('1') : kvTs('1');
  const order: Order = { fault, mode, chaos: chaosTs(), good, mark, runDir, timed };
  const command = [process.execPath, program, JSON.stringify(order)];
  const [file = '', ...args] = fault.smallDisk
    ? ['unshare', '--mount', ...(process.getuid?.() === 0 ? [] : ['--map-root-user']), 'sh', '-c']
        .concat([SMALL_DISK, 'sh', runDir])
        .concat(command)
    : command;
  try {
    const child = spawn(file, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, HOST_MARK: mark },
    });
    const [stdout, stderr] = [gather(child.stdout), gather(child.stderr)];
    const killer = setTimeout(() => child.kill('SIGKILL'), (fault.limitMs ?? 20_000) + GRACE_MS);
    const ended = await new Promise<string>((resolve) => {
      child.once('error', (error) => resolve(error.message));
      child.once('close', (code, signal) => resolve(code === 0 ? '' : `${code ?? signal}`));
    });
    clearTimeout(killer);
    const report = ended === '' ? (JSON.parse(stdout()) as Report) : undefined;
    const trouble = `${ended} ${stderr()}`.trim();
    return { fault, mode, report, trouble, left: await leftOf(mark) };
  } finally {
    rmSync(runDir, { recursive: true, force: true });
  }
}

/** Processes that outlived the host; they are ended now. */
async function leftOf(mark: string): Promise<number[]> {
  // The guardian leaves by itself when the host has gone.
  await eventually(() => processesWith(mark).length === 0, 3_000, '').catch(() => {});
  const left = processesWith(mark);
  for (const pid of left) process.kill(pid, 'SIGKILL');
  return left;
}

function gather(stream: NodeJS.ReadableStream): () => string {
  let text = '';
  stream.setEncoding('utf8').on('data', (chunk: string) => {
    text = (text + chunk).slice(-100_000);
  });
  return () => text;
}
