import type { PinnedScope, Plugin, UpgradeReport } from '@plugd/host';
import { CounterRoom, put, read } from '../support/counter-room';
import type { Answer, Ledger } from '../support/ledger';
import { goIsHere } from '../support/needs-go';
import { poll } from '../support/poll';
import { counterGo, counterTs } from '../support/samples';

// Plugins that call their host back are exchanged, fifty times, under callers whose every call needs both directions. By
// overlap: no scope needs the numbers of another one, and a handoff would have let all of them end before the swap.

// The fifty take most of a minute: every day each version once under fewer callers, with --full all.
const full = process.env['PLUGD_FULL'] === '1';
const swaps = full ? 50 : 3;
const callers = full ? 32 : 12;
/** How long a sum takes, and how long a caller rests between two scopes. */
const longSumMs = 100;
const pauseMs = full ? 500 : 250;
/** The default. */
const drainTimeoutMs = 30_000;

const ts = [
  { command: counterTs('1'), version: '1.0.0' },
  { command: counterTs('2'), version: '2.0.0' },
];
const versions = goIsHere
  ? [
      { command: counterGo('1'), version: '1.0.0' },
      ...ts.slice(1),
      { command: counterGo('2'), version: '2.0.0' },
      ...ts.slice(0, 1),
    ]
  : ts;
const at = (i: number) => {
  const version = versions[i % versions.length];
  if (version === undefined) throw new Error('no versions');
  return version;
};

test.each([
  ['sockets of their own and AutoMTLS', { autoMtls: true }],
  ['one connection', { autoMtls: false, multiplex: true }],
])(
  'no call back fails or reaches another generation over many upgrades, with %s',
  async (_name, mode) => {
    const room = await CounterRoom.open();
    try {
      const ledger = room.room.ledger('counter');
      const { command, version } = at(0);
      const plugin = await room.load(command, { ...mode, version });
      const callers = new Callers(plugin, ledger);
      const begun = performance.now();
      const reports = await upgrades(plugin).finally(() => callers.stop());
      const elapsedMs = performance.now() - begun;

      expect(ledger.wrong).toEqual([]);
      expect(callers.wrong).toEqual([]);
      // Every scope called back, once.
      expect(callers.calledBack).toBe(ledger.entries.length);
      for (const { outcome, calls, steps, warnings } of reports) {
        expect({ outcome, cut: calls.cut, failed: calls.failed, warnings }).toEqual({
          outcome: 'swapped',
          cut: 0,
          failed: 0,
          warnings: [],
        });
        const drain = steps.find(({ step }) => step === 'drain')?.elapsedMs ?? 0;
        expect(drain).toBeLessThan(drainTimeoutMs / 2);
      }
      // All generations served, and swaps came in the middle of scopes.
      expect(ledger.swaps.map(({ generation }) => generation)).toEqual(numbers(swaps + 1));
      const answered = new Set(ledger.entries.map(({ generation }) => generation));
      expect([...answered].sort((a, b) => Number(a) - Number(b))).toEqual(numbers(swaps + 1));
      const drained = reports.reduce((sum, { calls }) => sum + calls.drained, 0);
      expect(drained).toBeGreaterThan(swaps);
      console.log(
        `${ledger.entries.length} scopes over ${swaps} swaps in ${(elapsedMs / 1000).toFixed(1)} s, ` +
          `${drained} of them drained`,
      );
    } finally {
      await room.close();
    }
  },
  180_000,
);

async function upgrades(plugin: Plugin): Promise<UpgradeReport[]> {
  // No generation goes before it has been called.
  const busy = () =>
    poll(
      () => plugin.status().instances[0]?.inFlight ?? 0,
      (inFlight) => inFlight >= callers / 4,
    );
  await busy();
  const reports: UpgradeReport[] = [];
  for (let i = 1; i <= swaps; i++) {
    reports.push(await plugin.upgrade({ ...at(i), strategy: 'overlap', drainTimeoutMs }));
    await busy();
  }
  return reports;
}

/** Loops of scopes, in each of which the plugin calls the host and the host what the plugin serves. */
class Callers {
  /** Calls back that came to a scope that had not asked for them, and answers of another process than the scope's. */
  readonly wrong: string[] = [];
  calledBack = 0;
  readonly #plugin: Plugin;
  readonly #stop = new AbortController();
  readonly #loops: Promise<void>[];

  constructor(plugin: Plugin, ledger: Ledger) {
    this.#plugin = plugin;
    this.#loops = numbers(callers).map((caller) => this.#loop(caller, ledger));
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#loops);
  }

  async #loop(caller: number, ledger: Ledger): Promise<void> {
    for (let round = 1; !this.#stop.signal.aborted; round++) {
      const mark = round * 100 + caller;
      await ledger.enter(`scope ${mark}`, () => this.#plugin.pinned((scope) => this.#converse(scope, mark)));
      // Without it the two handshakes of each scope were all that the machine did; and the loops must not go in step.
      await rest(pauseMs + (mark % 7) * 10);
    }
  }

  /** The mark, which no other scope has, goes all the way: to the helper, into the key, out of the session. */
  async #converse(scope: PinnedScope, mark: number): Promise<readonly Answer[]> {
    const key = `key ${mark}`;
    const stored = await put(scope, key, mark, {
      sum: async ({ a, b }) => {
        if (b !== mark) this.wrong.push(`scope ${mark} was asked for ${b}`);
        this.calledBack += 1;
        // Swaps come in between, also here.
        await rest(longSumMs);
        return { r: a + b };
      },
    });
    const seen = await read(scope, key);
    for (const { pid, value } of [stored, seen]) {
      if (pid !== scope.pid) this.wrong.push(`scope ${mark} of ${scope.pid} was answered by ${pid}`);
      if (value !== mark) this.wrong.push(`scope ${mark} got ${value}`);
    }
    return [stored, seen];
  }
}

function rest(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i + 1);
}
