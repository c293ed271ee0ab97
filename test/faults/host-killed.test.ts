import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { LoadOptions } from '@plugd/host';
import { bundleProgram } from '../support/bundle';
import { goIsHere } from '../support/needs-go';
import { disposePlugins, startPluginProcess } from '../support/plugin-process';
import { childrenOf, eventually, isRunning, processesWith } from '../support/processes';
import { chaosTs, kvGo, kvTs } from '../support/samples';
import type { Order, Said } from './host-killed-program';

// What has a limit of its own asserts it; this one is only for tests that hang.
jest.setTimeout(60_000);

// The host is killed with -9, as the kernel does it when memory runs out: nothing of it may be left two seconds after.

const full = process.env['PLUGD_FULL'] === '1';
const limitMs = 2_000;

let program: ReturnType<typeof bundleProgram>;
let runDir: string;
let host: ChildProcess | undefined;
let mark: string;

beforeAll(() => {
  program = bundleProgram(resolve(__dirname, 'host-killed-program.ts'));
});
afterAll(() => rmSync(program.directory, { recursive: true, force: true }));
beforeEach(() => {
  mark = `killed-${randomBytes(8).toString('hex')}`;
  runDir = mkdtempSync(join(tmpdir(), 'killed-'));
});
afterEach(() => {
  host?.kill('SIGKILL');
  for (const pid of processesWith(mark)) process.kill(pid, 'SIGKILL');
  rmSync(runDir, { recursive: true, force: true });
});

const plugin = (name: string, command: string, mode = ''): LoadOptions => ({
  name,
  version: '1.0.0',
  command,
  env: { CHAOS: mode },
  handshake: { cookie: ['KV_PLUGIN', 'hello'], protocolVersions: [1, 2] },
});

/** Runs a host until it says that it has come so far. */
async function run(order: Omit<Order, 'runDir'>): Promise<Said> {
  const child = spawn(process.execPath, [program.file, JSON.stringify({ ...order, runDir })], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ROOM_MARK: mark },
  });
  host = child;
  const line = await new Promise<string>((found, reject) => {
    createInterface({ input: child.stdout }).once('line', found);
    child.once('exit', (code) => setTimeout(() => reject(new Error(`the host ended with ${code}`)), 500));
  });
  return JSON.parse(line) as Said;
}

/** Kills a host with so many processes of plugins; within two seconds everything has to be gone that was seen with it, and whatever else there is. */
async function killHost(said: Said, ofPlugins: number): Promise<void> {
  const pid = host?.pid ?? 0;
  // The guardian is a child that has no use for the environment.
  const seen = [...new Set([...processesWith(mark), ...childrenOf(pid)])];
  expect(seen).toContain(pid);
  expect(seen.length).toBeGreaterThanOrEqual(2 + ofPlugins);
  const begun = performance.now();
  host?.kill('SIGKILL');
  const left = (): unknown[] => [
    ...seen.filter(isRunning),
    ...processesWith(mark),
    ...readdirSync(runDir),
    ...said.addresses.filter((address) => existsSync(address)),
  ];
  await eventually(() => left().length === 0, limitMs, 'every process, socket and directory is gone');
  expect(performance.now() - begun).toBeLessThan(limitMs + 500);
  // And nothing comes back.
  await new Promise((next) => setTimeout(next, 300));
  expect(left()).toEqual([]);
}

test('a host killed at rest takes its plugins along, and theirs', async () => {
  const load = [
    plugin('ts', kvTs('1')),
    ...(goIsHere ? [plugin('go', kvGo('1'))] : []),
    plugin('parent', chaosTs(), 'grandchild-session;grandchild-group;hang-shutdown'),
    plugin('strayed', chaosTs(), 'temp-socket;grandchild-pipes'),
  ];
  const said = await run({ load });
  expect(said.addresses.filter((address) => existsSync(address))).toHaveLength(load.length);
  await killHost(said, load.length + 3);
});

test('a host killed leaves a plugin running that it attached to by its line', async () => {
  // In the temporary directory, where the sockets of old plugins are looked for too.
  const env = { TMPDIR: '/tmp', PLUGIN_UNIX_SOCKET_DIR: '/tmp', PLUGD_DEBUG: '1' };
  const debugged = startPluginProcess(kvTs('1'), { env });
  try {
    await debugged.until(() => debugged.stdout.includes('\n'), 'a line to attach by');
    const said = await run({ load: [plugin('ts', kvTs('1'))], attach: debugged.stdout });
    await killHost(said, 1);
    expect(isRunning(debugged.pid)).toBe(true);
    const line = JSON.parse(debugged.stdout) as { readonly Addr: { readonly String: string } };
    expect(existsSync(line.Addr.String)).toBe(true);
    debugged.child.kill('SIGINT');
    await debugged.exit();
  } finally {
    await disposePlugins();
  }
});

test('a host killed while a plugin starts takes that along too', async () => {
  const said = await run({
    load: [plugin('ts', kvTs('1'))],
    begin: plugin('slow', chaosTs(), 'grandchild-session;slow-start:60000'),
  });
  await eventually(() => processesWith(mark).length >= 4, 10_000, 'the slow one is being started');
  await killHost(said, 3);
});

// Every day of one.
const upgraded = [
  ...(full || !goIsHere ? [['TS', () => kvTs('1')] as const] : []),
  ...(goIsHere ? [['Go', () => kvGo('1')] as const] : []),
];
test.each(upgraded)(
  'a host killed in the upgrade of a %s plugin takes both generations along',
  async (_, command) => {
    const said = await run({
      load: [plugin('kv', command())],
      upgrade: { command: chaosTs(), version: '2.0.0', env: { CHAOS: 'grandchild-session' } },
    });
    expect(readdirSync(runDir, { recursive: true }).length).toBeGreaterThanOrEqual(5);
    await killHost(said, 3);
  },
);
