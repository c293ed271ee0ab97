import type { LoadOptions } from '@plugd/host';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { middleAndMost, noteFigures } from '../support/figures';
import { HostRoom } from '../support/host-room';
import { Load } from '../support/load';
import { goIsHere } from '../support/needs-go';
import { kvGo, kvTs } from '../support/samples';
import { SeededRandom } from '../support/seeded-random';
import { answered, counted, firstAnswerMs, often } from './often-crashing';
import { faults, Watches } from './watches';

// What callers of methods that may be repeated see of their plugin's crashes: nothing.

const full = process.env['PLUGD_FULL'] === '1';
const crashes = full ? 100 : 2;
/** How many calls a process answers before it is killed: each call may be begun three times at the most. */
const answersEach = 200;
const limitMs = 30_000 + crashes * 3_000;

/** Every day in one language; in both over connections that carry several, where the plugin too has a hand in how they break. */
type Language = 'TS' | 'Go';
const either: readonly Language[] = full ? ['TS', 'Go'] : [goIsHere ? 'Go' : 'TS'];
const both: readonly Language[] = ['TS', 'Go'];
const commands = { TS: kvTs, Go: kvGo };

/** A connection of each kind breaks in its own way. The whole number of crashes is for the usual one. Every day the extremes. */
type Mode = [name: string, count: number, options: Partial<LoadOptions>, languages: readonly Language[]];
const few = Math.ceil(crashes / 3);
const usual: Mode = ['AutoMTLS', crashes, { autoMtls: true }, both];
const plain: Mode = ['plain', full ? few : crashes, { autoMtls: false }, either];
const shared: Mode = ['AutoMTLS, multiplexed', few, { autoMtls: true, multiplex: true }, both];
const plainShared: Mode = ['plain, multiplexed', few, { autoMtls: false, multiplex: true }, both];
const modes = full ? [usual, plain, shared, plainShared] : [plain, shared];

describe.each(modes)(
  '64 loops of calls that may be repeated see no crash, %s,',
  (mode, count, options, languages) => {
    for (const language of languages) {
      const one = language === 'Go' && !goIsHere ? describe.skip : describe;
      one(`of a plugin in ${language}`, () => {
        const command = commands[language];
        test(`${count} times`, () => crashing(`${language}, ${mode}`, command('1'), count, options), limitMs);
      });
    }
  },
);

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
