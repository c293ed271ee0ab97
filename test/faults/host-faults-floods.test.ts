import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, rmSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { bundleProgram } from '../support/bundle';
import { processesWith } from '../support/processes';
import { chaosTs, kvTs } from '../support/samples';
import type { FloodOrder, FloodResult } from './host-faults-flood';

// Plugins that print without an end, into a host whose memory is measured: in a process of its own.

const full = process.env['PLUGD_FULL'] === '1';

const MIB = 1024 * 1024;
/** What arrives in each flood, and more than the host may grow by: one that kept it would be seen. */
const FLOOD_BYTES = (full ? 1024 : 75) * MIB;
const GROWTH_BYTES = (full ? 100 : 70) * MIB;
/** For the last call and a stop in which nothing has to be waited for. */
const STOP_MS = 10_000;

let program: { readonly directory: string; readonly file: string };
let host: ChildProcess;
let lines: AsyncIterator<string>;
let stderr = '';

beforeAll(async () => {
  program = bundleProgram(resolve(__dirname, 'host-faults-program.ts'));
  host = spawn(process.execPath, [program.file, chaosTs(), kvTs('1')], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, XDG_RUNTIME_DIR: program.directory, FLOOD_MARK: program.directory },
  });
  host.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  if (host.stdout === null) throw new Error('stdout is a pipe');
  lines = createInterface({ input: host.stdout })[Symbol.asyncIterator]();
  expect(await nextLine()).toEqual({ ready: true });
}, 30_000);

afterAll(async () => {
  const exited = new Promise((resolveExit) => host.once('exit', resolveExit));
  host.stdin?.end();
  // It ends by itself, when it has closed its host.
  const code = await exited;
  const left = processesWith(`FLOOD_MARK=${program.directory}`);
  for (const pid of left) process.kill(pid, 'SIGKILL');
  const files = readdirSync(program.directory);
  rmSync(program.directory, { recursive: true, force: true });
  expect({ code, stderr, left, files }).toEqual({
    code: 0,
    stderr: '',
    left: [],
    files: [basename(program.file)],
  });
}, 30_000);

async function nextLine(): Promise<unknown> {
  const next = await lines.next();
  if (next.done) throw new Error(`the host has ended: ${stderr}`);
  return JSON.parse(next.value);
}

async function flood(mode: string, bytes = FLOOD_BYTES): Promise<FloodResult> {
  const order: FloodOrder = { mode, bytes, patienceMs: 45_000 };
  host.stdin?.write(`${JSON.stringify(order)}\n`);
  return (await nextLine()) as FloodResult;
}

// Every day one of each way in, and each way to read it: lines, none, and records. Bytes that are no text come then, too, to
// a host without plugins (launch-output.test.ts).
const daily = [
  'flood-stderr:lines',
  'flood-stdout:no-line;flood-stderr:no-line',
  'flood-stdout:nested;flood-stderr:nested',
  'flood-stdio:lines',
];
const more = [
  'flood-stdout:lines',
  'flood-stdout:empty-lines;flood-stderr:empty-lines',
  'flood-stdout:binary;flood-stderr:binary',
  'flood-stdout:json;flood-stderr:json',
  'flood-stdio:no-line',
  'flood-stdio:binary',
];

test.each(full ? [...daily, ...more] : daily)(
  '%s: the host stays small, the plugin answers and stops, its neighbour notices nothing',
  async (mode) => {
    const seen = await flood(mode, FLOOD_BYTES);
    expect(seen).toMatchObject({ outcome: 'loaded', failed: 0 });
    expect(seen.bytes).toBeGreaterThanOrEqual(FLOOD_BYTES);
    expect(seen.grownBytes).toBeLessThan(GROWTH_BYTES);
    // Enough to see what it is, not all of it.
    expect(seen.records).toBeGreaterThan(100);
    expect(seen.records).toBeLessThan(100_000);
    expect(seen.answered).toBeGreaterThan(10);
    expect(seen.stopMs).toBeLessThan(STOP_MS);
  },
  60_000,
);

const first = [
  ['flood-first:no-line:100', 'HANDSHAKE_TOO_LONG'],
  ['flood-first:nested:100;flood-stderr:json', 'HANDSHAKE_UNREADABLE'],
  ['flood-first:lines:100', 'HANDSHAKE_UNREADABLE'],
] as const;

test.each(full ? first : first.slice(0, 2))(
  '%s instead of a handshake line is %s',
  async (mode, outcome) => {
    const seen = await flood(mode, 0);
    expect(seen).toMatchObject({ outcome, failed: 0 });
    expect(seen.grownBytes).toBeLessThan(GROWTH_BYTES);
  },
  60_000,
);
