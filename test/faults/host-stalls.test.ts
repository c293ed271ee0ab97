import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LoadOptions } from '@plugd/host';
import { bundleProgram } from '../support/bundle';
import { noteFigures } from '../support/figures';
import { goIsHere } from '../support/needs-go';
import { poll } from '../support/poll';
import { isRunning } from '../support/processes';
import { kvGo, kvTs } from '../support/samples';
import type { Report } from './host-stalls-program';
import { StallingHost } from './stalling-host';

// A host that stood still finds questions without answers, and blames no plugin for that. Each day one short stall
// of each kind; with PLUGD_FULL=1 ten of 30 s.

const full = process.env['PLUGD_FULL'] === '1';
const rounds = full ? 10 : 1;
const stallMs = full ? 30_000 : 3_000;
/** For what was missed to be held against somebody: four questions or more. */
const afterMs = full ? 6_000 : 2_500;
/** A stall that other machinery has to bear as well: Go's yamux gives a host up after 40 s at the latest. */
const longStallMs = 45_000;

jest.setTimeout(full ? 600_000 : 120_000);

/** Harsher than the defaults in everything. */
const intervalMs = full ? 1_000 : 500;
const health = { intervalMs, idleIntervalMs: intervalMs, timeoutMs: 500, failures: 2 };
/** The most that a plugin is given more time after a stall. */
const mostPatience = 8;
const startMs = 5_000;

let program: ReturnType<typeof bundleProgram>;
let slowPlugin: ReturnType<typeof bundleProgram>;
const hosts: StallingHost[] = [];

beforeAll(() => {
  program = bundleProgram(resolve(__dirname, 'host-stalls-program.ts'));
  slowPlugin = bundleProgram(resolve(__dirname, 'slow-health-plugin.ts'));
});
afterAll(() => {
  for (const { directory } of [program, slowPlugin]) rmSync(directory, { recursive: true, force: true });
});
afterEach(async () => {
  const left = await Promise.all(hosts.splice(0).map((host) => host.end()));
  expect(left.flat()).toEqual([]);
});

const plugin = (name: string, command: string, over: Partial<LoadOptions> = {}): LoadOptions => ({
  name,
  version: '1.0.0',
  command,
  handshake: { cookie: ['KV_PLUGIN', 'hello'], protocolVersions: [1, 2] },
  stopTimeoutMs: 1_000,
  health,
  ...over,
});

const several = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index));

/** Nearly always a question to it is on its way, and it may not miss one: no stall comes at a good moment. */
const alwaysAsked = (index: number): LoadOptions =>
  plugin(`slow-${index}`, slowPlugin.file, {
    autoMtls: false,
    env: { HEALTH_MS: '1000' },
    health: { ...health, timeoutMs: 2_000, failures: 1 },
  });

/** Of all kinds, twenty or, every day, five. */
function ofAllKinds(over: Partial<LoadOptions> = {}): LoadOptions[] {
  const go = goIsHere ? kvGo('1') : kvTs('1');
  return [
    ...several(full ? 8 : 1, (i) => plugin(`go-${i}`, go, { autoMtls: false, ...over })),
    ...several(full ? 5 : 1, (i) => plugin(`go-secret-${i}`, go, over)),
    ...several(2, (i) => plugin(`ts-${i}`, kvTs('1'), { autoMtls: false, ...over })),
    ...(full ? [plugin('ts-secret', kvTs('1'), over)] : []),
    ...several(full ? 4 : 1, alwaysAsked),
  ];
}

/** Every second one is called all the time. */
async function startHost(load: readonly LoadOptions[]): Promise<{ host: StallingHost; begun: Report }> {
  const called = load.filter((_, index) => index % 2 === 0).map(({ name }) => name);
  const host = new StallingHost(program.file, load, called);
  hosts.push(host);
  const begun = await host.begun;
  expect(Object.keys(begun.pids)).toHaveLength(load.length);
  return { host, begun };
}

/** Nobody was replaced, or failed to answer. */
function expectAllWell(now: Report, begun: Report): void {
  expect(now.errors).toEqual([]);
  expect(now.events).toEqual([]);
  expect(now.pids).toEqual(begun.pids);
  expect(now.calls).toBeGreaterThan(begun.calls);
}

/** A plugin that hangs from now on is replaced, and it alone; returns how long that took, in milliseconds. */
async function hangs(host: StallingHost, begun: Report, name: string): Promise<number> {
  const pid = begun.pids[name] ?? 0;
  const at = performance.now();
  process.kill(pid, 'SIGSTOP');
  const limitMs = 1.1 * health.intervalMs + health.failures * mostPatience * health.timeoutMs + startMs;
  const isDone = ({ events }: Report) =>
    events.some((event) => event.type === 'restart' && event.plugin === name && event.phase === 'done');
  await poll(
    async () => {
      await sleep(100);
      return host.report();
    },
    isDone,
    limitMs,
  );
  const elapsedMs = performance.now() - at;
  const now = await host.report();
  expect(new Set(now.events.map((event) => event.plugin))).toEqual(new Set([name]));
  const others = (pids: Report['pids']) => ({ ...pids, [name]: 0 });
  expect(others(now.pids)).toEqual(others(begun.pids));
  expect(now.pids[name]).not.toBe(pid);
  await poll(
    () => isRunning(pid),
    (is) => !is,
    5_000,
  );
  return Math.round(elapsedMs);
}

test('a host that stood still replaces no healthy plugin, and one that hangs', async () => {
  const kinds = ['stop', 'block', 'freeze'] as const;
  await Promise.all(
    kinds.map(async (kind) => {
      const { host, begun } = await startHost(ofAllKinds());
      for (let round = 1; round <= rounds; round++) {
        await host[kind](stallMs);
        await sleep(afterMs);
        const now = await host.report();
        expectAllWell(now, begun);
        // Else nothing has been shown.
        expect(now.stalls.longestMs).toBeGreaterThan(0.9 * stallMs);
        expect(now.stalls.stalls).toBeGreaterThanOrEqual(round);
      }
      const { calls, stalls } = await host.report();
      // The counter-test: it is found at once after a stall, too.
      await host[kind](2_000);
      const idleHungMs = await hangs(host, begun, 'ts-1');
      noteFigures('host-stalls', { kind, rounds, stallMs, calls, stalls, idleHungMs });
    }),
  );
});

test('a machine that has too much to do does not make a host replace plugins', async () => {
  // The defaults, asked ten times as often.
  const often = { intervalMs: 500, idleIntervalMs: 500 };
  const { host, begun } = await startHost(ofAllKinds({ health: often }));
  const hogs = several(4, () => spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' }));
  try {
    await sleep(full ? 30_000 : 2_500);
    const now = await host.report();
    noteFigures('overloaded', { calls: now.calls - begun.calls, stalls: now.stalls });
    expectAllWell(now, begun);
  } finally {
    for (const hog of hogs) hog.kill('SIGKILL');
  }
});

(full ? test : test.skip)(
  'of multiplexed plugins those of the SDK bear a host that stands still',
  async () => {
    const multiplex = { multiplex: true, restart: { policy: 'never' } } as const;
    const { host, begun } = await startHost([
      ...several(2, (i) => plugin(`ts-${i}`, kvTs('1'), { ...multiplex, autoMtls: i === 1 })),
      ...several(goIsHere ? 2 : 0, (i) => plugin(`go-${i}`, kvGo('1'), multiplex)),
    ]);
    await host.stop(longStallMs);
    await sleep(afterMs);
    const { pids, events } = await host.report();
    const lost = events.flatMap((event) =>
      event.type === 'restart' ? [[event.plugin, event.cause.reason]] : [],
    );
    noteFigures('host-stalls-multiplexed', { lost });
    // hashicorp/yamux ends its session when a ping has had no answer for 10 s, and go-plugin the process with it.
    const left = begun.pids;
    expect(pids).toEqual({ 'ts-0': left['ts-0'], 'ts-1': left['ts-1'] });
    expect(lost.filter(([name = '']) => name.startsWith('ts'))).toEqual([]);
    for (const [, reason] of lost) expect(reason).toBe('crash');
  },
);
