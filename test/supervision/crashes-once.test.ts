import type { Plugin } from '@plugd/host';
import { CounterDefinition } from '@plugd/protocol/gen/samples/counter/v1/counter';
import { roomsWith } from '../support/at-once';
import { middleAndMost, noteFigures } from '../support/figures';
import { servingPid } from '../support/host-room';
import { poll } from '../support/poll';
import { SeededRandom } from '../support/seeded-random';
import { Logbook } from './logbook';
import { counted, often } from './often-crashing';
import { isLost } from './watches';

// Calls of a method that may not be repeated, while its plugin crashes. The plugin writes down what it executes.

const full = process.env['PLUGD_FULL'] === '1';
/** Longer than the tests: a call that lasts until its process ends. */
const forever = 3_600_000;
jest.setTimeout(full ? 400_000 : 120_000);

const { atOnce, room, plugins: logbook } = roomsWith(() => new Logbook());

/** What a call came to: the process that answered, or its error. */
type End = { readonly pid: number } | { readonly error: unknown };

/** Adds, which takes so long, under a key of its own. Never rejects. */
async function add(plugin: Plugin, key: string, ms = 0): Promise<End> {
  try {
    return { pid: (await plugin.client(CounterDefinition).put({ key, value: ms })).pid };
  } catch (error) {
    return { error };
  }
}

const keys = (name: string, count: number): string[] =>
  Array.from({ length: count }, (_, i) => `${name}-${i}`);

atOnce(
  'exactly the calls in flight fail, each saying that it may have been executed; later ones are held and answered',
  async () => {
    const plugin = await logbook().load(room(), often);
    const pid = servingPid(plugin);
    const inFlight = keys('in-flight', 32);
    const held = keys('held', 32);
    const before = inFlight.map((key) => add(plugin, key, forever));
    await poll(
      () => logbook().executions.length,
      (count) => count === inFlight.length,
    );
    process.kill(pid, 'SIGKILL');
    await poll(
      () => plugin.status().state,
      (state) => state === 'restarting',
    );
    const after = held.map((key) => add(plugin, key));
    for (const end of await Promise.all(before)) {
      expect(isLost('error' in end ? end.error : undefined)).toBe(true);
    }
    const ends = await Promise.all(after);
    const next = servingPid(plugin);
    expect(next).not.toBe(pid);
    expect(ends).toEqual(held.map(() => ({ pid: next })));
    for (const key of inFlight) expect(logbook().pidsOf(key)).toEqual([pid]);
    for (const key of held) expect(logbook().pidsOf(key)).toEqual([next]);
    expect(counted(room())).toMatchObject({ calls: { lost: 32, retried: 0 }, held: { heldEver: 32 } });
  },
);

atOnce(
  'a call that begins in the moment of the crash is answered once, or fails with the truth',
  async () => {
    const plugin = await logbook().load(room(), often);
    const rounds = full ? 30 : 6;
    let failed = 0;
    for (let round = 0; round < rounds; round++) {
      const names = keys(`round-${round}`, 16);
      await add(plugin, `quiet-${round}`);
      process.kill(servingPid(plugin), 'SIGKILL');
      const ends = await Promise.all(
        names.map(async (key, i) => {
          // Some before anybody can know of the crash, some just then.
          for (let turn = 0; turn < i; turn++) await new Promise(setImmediate);
          return add(plugin, key);
        }),
      );
      ends.forEach((end, i) => {
        const executions = logbook().pidsOf(`round-${round}-${i}`);
        if ('pid' in end) {
          expect(executions).toEqual([end.pid]);
        } else {
          failed++;
          expect({ end, lost: isLost(end.error) }).toMatchObject({ lost: true });
          expect(executions.length).toBeLessThanOrEqual(1);
        }
      });
    }
    noteFigures('calls in the moment of a crash', { rounds, calls: rounds * 16, failed });
  },
);

atOnce(
  'under load every call is executed once if it was answered, and at most once if it was lost with its process',
  async () => {
    const crashes = full ? 100 : 12;
    const random = new SeededRandom();
    const plugin = await logbook().load(room(), often);
    interface Entry {
      readonly key: string;
      readonly beganAt: number;
      readonly endedAt: number;
      readonly end: End;
    }
    const entries: Entry[] = [];
    const stop = new AbortController();
    const loops = keys('loop', 64).map(async (name) => {
      for (let i = 0; !stop.signal.aborted; i++) {
        const key = `${name}-${i}`;
        const beganAt = performance.now();
        const end = await add(plugin, key, i % 20);
        entries.push({ key, beganAt, endedAt: performance.now(), end });
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    });
    /** From the kill until the host knew. */
    const outages: { pid: number; killedAt: number; knownAt: number }[] = [];
    room().host.on('event', (event) => {
      const outage = outages.at(-1);
      if (
        outage !== undefined &&
        event.type === 'instance' &&
        event.to === 'failed' &&
        event.pid === outage.pid
      ) {
        outage.knownAt = performance.now();
      }
    });
    const answersOf = (pid: number): number =>
      entries.slice(-1_000).filter(({ end }) => 'pid' in end && end.pid === pid).length;

    await random.during(async () => {
      try {
        for (let i = 0; i <= crashes; i++) {
          const pid = await poll(
            () => plugin.status().instances[0]?.pid ?? 0,
            (seen) => seen !== outages.at(-1)?.pid && answersOf(seen) >= 100,
            30_000,
          );
          if (i === crashes) break;
          await new Promise((resolve) => setTimeout(resolve, random.below(40)));
          outages.push({ pid, killedAt: performance.now(), knownAt: Number.POSITIVE_INFINITY });
          process.kill(pid, 'SIGKILL');
        }
      } finally {
        stop.abort();
        await Promise.all(loops);
      }
      const executions = new Map<string, number[]>();
      for (const { key, pid } of logbook().executions)
        executions.set(key, [...(executions.get(key) ?? []), pid]);
      const wrong: string[] = [];
      let lost = 0;
      for (const { key, beganAt, endedAt, end } of entries) {
        const pids = executions.get(key) ?? [];
        if ('pid' in end) {
          if (pids.length !== 1 || pids[0] !== end.pid)
            wrong.push(`${key}: ${end.pid} answered, but ${pids} executed`);
          continue;
        }
        lost++;
        const outage = outages.find(({ killedAt, knownAt }) => beganAt <= knownAt && endedAt >= killedAt);
        if (!isLost(end.error)) wrong.push(`${key}: ${String(end.error)}`);
        else if (outage === undefined) wrong.push(`${key}: lost, but was not in flight in a crash`);
        else if (pids.length > 1 || (pids.length === 1 && pids[0] !== outage.pid)) {
          wrong.push(`${key}: lost with ${outage.pid}, but ${pids} executed`);
        }
      }
      expect(wrong).toEqual([]);
      expect(lost).toBeGreaterThan(0);
      const { calls, held, restarts } = counted(room());
      expect(calls).toMatchObject({ lost, retried: 0, cut: 0 });
      expect(restarts).toMatchObject({ lost: { crash: crashes }, restarts: crashes });
      noteFigures('calls that may not be repeated', {
        crashes,
        calls: entries.length,
        lost,
        executed: executions.size,
        heldEver: held.heldEver,
        knownMs: middleAndMost(outages.map(({ killedAt, knownAt }) => knownAt - killedAt)),
      });
    });
  },
);
