import type { LoadOptions } from '@plugd/host';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { middleAndMost, noteFigures } from '../support/figures';
import { HostRoom } from '../support/host-room';
import { Load } from '../support/load';
import { describeWithGo } from '../support/needs-go';
import { kvGo, kvTs } from '../support/samples';
import { SeededRandom } from '../support/seeded-random';
import { answered, counted, firstAnswerMs, often } from './often-crashing';
import { faults, Watches } from './watches';

// What callers of methods that may be repeated see of their plugin's crashes: nothing.

const crashes = process.env['PLUGD_FULL'] === '1' ? 100 : 3;
/** How many calls a process answers before it is killed: each call may be begun three times at the most. */
const answersEach = 200;
const limitMs = 30_000 + crashes * 3_000;

/** A connection of each kind breaks in its own way. The whole number of crashes is for the usual one. */
const modes: [string, number, Partial<LoadOptions>][] = [
  ['AutoMTLS', crashes, { autoMtls: true }],
  ['plain', Math.ceil(crashes / 3), { autoMtls: false }],
  ['AutoMTLS, multiplexed', Math.ceil(crashes / 3), { autoMtls: true, multiplex: true }],
  ['plain, multiplexed', Math.ceil(crashes / 3), { autoMtls: false, multiplex: true }],
];

describe.each(modes)('64 loops of calls that may be repeated see no crash, %s,', (mode, count, options) => {
  describe('of a plugin in TS', () => {
    test(`${count} times`, () => crashing(`TS, ${mode}`, kvTs('1'), count, options), limitMs);
  });
  describeWithGo('of a plugin in Go', () => {
    test(`${count} times`, () => crashing(`Go, ${mode}`, kvGo('1'), count, options), limitMs);
  });
});

async function crashing(
  what: string,
  command: string,
  count: number,
  options: Partial<LoadOptions>,
): Promise<void> {
  const random = new SeededRandom();
  const room = await HostRoom.open();
  try {
    const ledger = room.ledger('kv');
    const plugin = await room.load(command, { ...often, ...options, contract: [KvDefinition] });
    const load = await Load.start(plugin, ledger, { unary: 64, streams: false, restMs: 5 });
    const watches = new Watches(plugin, ledger, 4);
    const awayMs: number[] = [];
    const pids = new Set<number>();
    await random.during(async () => {
      try {
        pids.add(await answered(ledger, plugin, answersEach));
        for (let i = 0; i < count; i++) {
          await new Promise((resolve) => setTimeout(resolve, random.below(30)));
          const [instance] = plugin.status().instances;
          if (instance === undefined) throw new Error('it left by itself');
          const killedAt = performance.now();
          process.kill(instance.pid, 'SIGKILL');
          const next = await answered(ledger, plugin, answersEach);
          awayMs.push(firstAnswerMs(ledger, next, killedAt));
          pids.add(next);
        }
      } finally {
        await load.stop();
        await watches.stop();
      }
      expect(faults(ledger)).toEqual([]);
      // Each crash was one, each process did answer, and there was something to be begun anew.
      expect(pids.size).toBe(count + 1);
      const { calls, restarts, held } = counted(room);
      expect(restarts).toMatchObject({ lost: { crash: count }, restarts: count, givenUp: 0 });
      expect(calls.retried).toBeGreaterThan(0);
      expect(calls.lost).toBe(watches.torn);
      expect(watches.whole).toBeGreaterThan(0);
      noteFigures(`unseen crashes, ${what}`, {
        crashes: count,
        calls: ledger.entries.length,
        errors: faults(ledger).length,
        retried: calls.retried,
        heldEver: held.heldEver,
        heldMost: held.heldMost,
        streams: { whole: watches.whole, torn: watches.torn },
        awayMs: middleAndMost(awayMs),
        recoverMs: restarts.recoverMs,
      });
    });
  } finally {
    await room.close();
  }
}
