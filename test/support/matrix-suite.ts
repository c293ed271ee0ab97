import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import type { DrivenPlugin, DrivingHost, MatrixSample } from './driven-plugin';
import { poll } from './poll';
import { isRunning } from './processes';

const full = process.env['PLUGD_FULL'] === '1';
const MiB = 1024 * 1024;
/** What a gRPC server takes at most where nobody has set another limit: the sample in Go is one. */
const standardLimit = 4 * MiB;

/** Services that a plugin has on either side of the wire. */
const commonServices = [
  'grpc.health.v1.Health',
  'grpc.reflection.v1.ServerReflection',
  'grpc.reflection.v1alpha.ServerReflection',
  'plugin.GRPCController',
  'plugin.GRPCStdio',
  'samples.feed.v1.Feed',
  'samples.kv.v1.Kv',
  'samples.probe.v1.Probe',
];

/** The directory of a host that still runs. */
const ofRunningHost = /^plugd-\w+$/;
/** go-plugin leaves its socket behind when it is multiplexed. A TS host has it in the instance's directory, and removes it. */
const goPluginsOwn = /^plugin\d+$/;

/** How host and plugin are joined. */
export interface MatrixMode {
  readonly autoMtls: boolean;
  readonly multiplex: boolean;
}

export const matrixModes: readonly (readonly [name: string, mode: MatrixMode])[] = [
  ['plain', { autoMtls: false, multiplex: false }],
  ['AutoMTLS', { autoMtls: true, multiplex: false }],
  ['plain, multiplexed', { autoMtls: false, multiplex: true }],
  ['AutoMTLS, multiplexed', { autoMtls: true, multiplex: true }],
];

/** Those that are the least and the most that a mode can be: in them all is tried every day. */
function isExtreme({ autoMtls, multiplex }: MatrixMode): boolean {
  return autoMtls === multiplex;
}

/** Without go-plugin on either side: every day in the extremes. Where it is, every mode is called in every day. */
export const matrixModesOfOurs = matrixModes.filter(([, mode]) => full || isExtreme(mode));

/** What is made of the versions that both sides have. It hangs on no mode: every day all in one mode, and one in another. */
const agreements: readonly (readonly [version: '1' | '2', offered: readonly number[], agreed: number])[] = [
  ['1', [1, 2], 1],
  ['1', [1], 1],
  ['2', [1], 1],
  ['2', [1, 2], 2],
  ['2', [2, 1, 7], 2],
];

export interface Cell {
  readonly sample: MatrixSample;
  readonly mode: MatrixMode;
  /** A host whose plugins keep what they make, sockets too, below `place`. */
  readonly makeHost: (place: string) => DrivingHost;
}

/**
 * What holds in every cell of {hosts} × {plugins} × {plain, AutoMTLS} × {multiplexed, not}. To be called in a `describe`.
 *
 * The cells of calls back, into the host and into the plugin, are those of another sample: under the TS host they are
 * in `test/wire/broker-ts-host.test.ts`, under the Go host in `test/wire/sdk-broker-go-host.test.ts`.
 */
export function testCell(cell: Cell): void {
  let place: string;
  let host: DrivingHost;
  const start = (version: '1' | '2', versions: readonly number[] = [1, 2]): Promise<DrivenPlugin> =>
    host.start({
      command: cell.sample.command(version),
      ...cell.mode,
      versions,
      env: { TMPDIR: place },
    });
  const leavesSocket = cell.mode.multiplex && cell.sample.language === 'Go';
  /** What is there of plugins that have left. */
  const left = (): string[] =>
    readdirSync(place, { recursive: true, encoding: 'utf8' }).filter(
      (name) => !ofRunningHost.test(name) && !(leavesSocket && goPluginsOwn.test(name)),
    );

  beforeAll(() => {
    place = mkdtempSync(join(tmpdir(), 'matrix-'));
    host = cell.makeHost(place);
  });
  afterAll(async () => {
    await host.close();
    rmSync(place, { recursive: true, force: true });
  });

  describe('a plugin at work', () => {
    let plugin: DrivenPlugin;
    beforeAll(async () => {
      plugin = await start('2');
    });
    afterAll(() => plugin.stop());

    testCalls(() => plugin);
    testBuiltIns(() => plugin);
    testOutput(() => plugin);
    testSizes(() => plugin, cell);
  });

  describe('a plugin that comes and goes', () => {
    test('leaves when it is asked to, by itself, and nothing of it is left', async () => {
      const plugin = await start('2');
      expect(plugin.network).toBe('unix');
      expect(plugin.address.startsWith(place)).toBe(true);
      // A plugin made with the SDK removes its socket once it has the one connection that it takes.
      const kept = !cell.mode.multiplex || cell.sample.language === 'Go';
      expect(existsSync(plugin.address)).toBe(kept);
      await plugin.put('key', 'value');
      expect(await plugin.stop()).toEqual({ forced: false, code: 0, signal: null });
      expect(isRunning(plugin.pid)).toBe(false);
      expect(left()).toEqual([]);
    });

    // What follows hangs little on the mode.
    if (!full && !isExtreme(cell.mode)) return;

    const inPlain = !cell.mode.autoMtls && !cell.mode.multiplex;
    test.each(full || inPlain ? agreements : agreements.slice(0, 1))(
      'version %s and a host that offers %j agree on %i',
      async (version, offered, agreed) => {
        const plugin = await start(version, offered);
        expect(plugin.protocolVersion).toBe(agreed);
        expect((await plugin.inspect()).protocolVersion).toBe(agreed);
        expect((await plugin.get('key')).servedBy).toBe(`${version}.0.0`);
        await plugin.stop();
      },
    );

    test('leaves with calls in flight, which end at once', async () => {
      const plugin = await start('2');
      const calls = [
        plugin.sleep(3_600_000),
        plugin.watch({ key: 'key', count: 0, intervalMs: 10 }),
        plugin.watch({ key: 'key', count: 0, intervalMs: 3_600_000 }),
      ];
      const ends = Promise.allSettled(calls);
      await plugin.get('key');
      expect(await plugin.stop()).toEqual({ forced: false, code: 0, signal: null });
      for (const end of await ends) {
        // A stream may end well: the sample in TS ends those without an end when it is told to drain.
        if (end.status === 'rejected') expect([1, 14]).toContain(end.reason.code);
      }
      expect(isRunning(plugin.pid)).toBe(false);
      expect(left()).toEqual([]);
    });

    test('that is killed from outside ends the calls in flight, and its host tells how it ended', async () => {
      const plugin = await start('2');
      const calls = [plugin.sleep(3_600_000), plugin.watch({ key: 'key', count: 0, intervalMs: 10 })];
      const ends = Promise.allSettled(calls);
      await plugin.get('key');
      process.kill(plugin.pid, 'SIGKILL');
      for (const end of await ends) {
        expect(end).toMatchObject({ status: 'rejected', reason: { code: status.UNAVAILABLE } });
      }
      const left = await poll(plugin.left, (seen) => seen !== undefined);
      expect(left).toMatchObject({ code: null, signal: expect.stringMatching(/^(SIGKILL|killed)$/) });
      await expect(plugin.get('key')).rejects.toMatchObject({ code: status.UNAVAILABLE });
      await plugin.stop();
    });
  });
}

function testCalls(plugin: () => DrivenPlugin): void {
  const signature = () => ({ servedBy: '2.0.0', pid: plugin().pid });

  test('unary calls are answered', async () => {
    expect(await plugin().get('nothing')).toMatchObject({ found: false, value: '', ...signature() });
    expect(await plugin().put('unary', 'größer')).toMatchObject(signature());
    expect(await plugin().get('unary')).toMatchObject({ found: true, value: 'größer', ...signature() });
  });

  test('a server stream is whole and in order, also one that is left early', async () => {
    await plugin().put('watched', 'v');
    const whole = await plugin().watch({ key: 'watched', count: 500 });
    expect(whole.map(({ sequence }) => sequence)).toEqual(Array.from({ length: 500 }, (_, i) => i + 1));
    expect(whole[499]).toMatchObject({ value: 'v', ...signature() });
    expect(await plugin().watch({ key: 'watched', count: 0, intervalMs: 1, take: 3 })).toHaveLength(3);
  });

  test('a client stream arrives whole', async () => {
    expect(await plugin().load(500)).toMatchObject({ stored: 500, ...signature() });
    expect(await plugin().get('load-500')).toMatchObject({ found: true, value: 'value-500' });
    expect(await plugin().load(0)).toMatchObject({ stored: 0 });
  });

  test('both sides of a stream take turns', async () => {
    const said = await plugin().chat(100);
    expect(said.map(({ sequence }) => sequence)).toEqual(Array.from({ length: 100 }, (_, i) => i + 1));
    expect(said[99]).toMatchObject({ text: 'message-100', ...signature() });
  });

  test('every status comes with its number and message', async () => {
    for (let code = 1; code <= 16; code++) {
      const message = `code ${code}: 100 % größer, "so" to say`;
      await expect(plugin().fail(code, message)).rejects.toMatchObject({ code, details: message });
    }
    await expect(plugin().fail(0, '')).resolves.toBeUndefined();
  });

  test('a caller that gives up is heard by the plugin', async () => {
    const { cancelledSleeps: before } = await plugin().inspect();
    // Given up too early, the call may never have begun there: then more time is given.
    for (let cancelAfterMs = 50, seen = before; seen === before; cancelAfterMs *= 4) {
      expect(cancelAfterMs).toBeLessThan(10_000);
      await expect(plugin().sleep(3_600_000, { cancelAfterMs })).rejects.toMatchObject({
        code: status.CANCELLED,
      });
      seen = await countedSleeps(plugin(), before);
    }
  });

  test('a deadline is heard by the plugin', async () => {
    const { cancelledSleeps: before } = await plugin().inspect();
    for (let timeoutMs = 50, seen = before; seen === before; timeoutMs *= 4) {
      expect(timeoutMs).toBeLessThan(10_000);
      await expect(plugin().sleep(3_600_000, { timeoutMs })).rejects.toMatchObject({
        code: status.DEADLINE_EXCEEDED,
      });
      seen = await countedSleeps(plugin(), before);
    }
  });

  test('metadata arrives', async () => {
    const { metadata } = await plugin().inspect({ metadata: { 'x-one': 'first', 'x-two': 'a, b' } });
    expect(metadata).toMatchObject({ 'x-one': 'first', 'x-two': 'a, b' });
  });
}

/** The plugin hears of the end of a call a little after its caller does. */
async function countedSleeps(plugin: DrivenPlugin, before: number): Promise<number> {
  const look = async () => (await plugin.inspect()).cancelledSleeps;
  return poll(look, (seen) => seen > before, 1_000).catch(() => before);
}

function testBuiltIns(plugin: () => DrivenPlugin): void {
  test('health is SERVING for "plugin" and for the whole, and NOT_FOUND for what is not known', async () => {
    expect(await plugin().health('plugin')).toBe('SERVING');
    expect(await plugin().health('')).toBe('SERVING');
    await expect(plugin().health('nobody')).rejects.toMatchObject({
      code: status.NOT_FOUND,
      details: 'unknown service',
    });
  });

  test('both versions of reflection list the services and describe the contract', async () => {
    const { v1, v1alpha } = await plugin().reflect('samples.kv.v1.Kv.Watch');
    for (const answer of [v1, v1alpha]) {
      expect(answer.services).toEqual(expect.arrayContaining(commonServices));
      expect(answer.files).toEqual([
        expect.objectContaining({
          name: 'samples/kv/v1/kv.proto',
          package: 'samples.kv.v1',
          services: ['Kv'],
        }),
      ]);
    }
    expect(v1alpha.services).toEqual(v1.services);
    const unknown = await plugin().reflect('no.Body');
    for (const answer of [unknown.v1, unknown.v1alpha]) expect(answer.error).toMatch(/\b5: /);
  });
}

function testOutput(plugin: () => DrivenPlugin): void {
  test.each(['stdout', 'stderr'] as const)('what it prints to %s arrives, and in order', async (target) => {
    const lines = Array.from({ length: 50 }, (_, i) => `${target} line ${i} größer\n`);
    for (const line of lines) await plugin().print(target, line);
    const printed = await poll(plugin().printed, (seen) => seen[target].includes(lines[49] ?? ''));
    expect(printed[target]).toContain(lines.join(''));
    expect(printed[target === 'stdout' ? 'stderr' : 'stdout']).not.toContain(`${target} line`);
  });

  test('what it logs arrives with its level, message and fields', async () => {
    const levels = ['trace', 'debug', 'info', 'warn', 'error'];
    for (const level of levels) {
      await plugin().log(level, `a message at ${level}`, { fruit: 'größer "apple"', level: 'of its own' });
    }
    const mine = async () =>
      (await plugin().logs()).filter(({ message }) => message.startsWith('a message at '));
    const records = await poll(mine, (seen) => seen.length >= levels.length);
    expect(records).toMatchObject(
      levels.map((level) => ({
        level,
        message: `a message at ${level}`,
        fields: { fruit: 'größer "apple"', level: 'of its own' },
      })),
    );
  });
}

function testSizes(plugin: () => DrivenPlugin, { sample: { language }, mode }: Cell): void {
  test('a message of 1 MiB goes both ways unchanged', async () => {
    expect(await plugin().echo(MiB)).toBe(MiB);
  });

  if (!full && !isExtreme(mode)) return;

  test('a reply of more than 4 MiB arrives', async () => {
    // The request is just what any server takes; the reply has some bytes on top.
    const value = 'v'.repeat(standardLimit - 'k'.length - 2 - 5);
    await plugin().put('k', value);
    expect((await plugin().get('k')).value).toBe(value);
  });

  if (language === 'TS') {
    test('a request of more than 4 MiB is taken by a plugin in TS', async () => {
      expect(await plugin().echo(6 * MiB)).toBe(6 * MiB);
    });
  } else {
    test('a request of more than 4 MiB is refused by the sample in Go with RESOURCE_EXHAUSTED', async () => {
      await expect(plugin().echo(6 * MiB)).rejects.toMatchObject({ code: status.RESOURCE_EXHAUSTED });
      expect(await plugin().echo(10)).toBe(10);
    });
  }
}
