import type { PinnedScope, Plugin, PluginError, UpgradeReport } from '@plugd/host';
import { AddHelperDefinition, CounterDefinition } from '@plugd/protocol/gen/samples/counter/v1/counter';
import { CounterLedger } from '../support/counter-ledger';
import { addHelper, CounterRoom, put } from '../support/counter-room';
import { servingPid } from '../support/host-room';
import { type CounterEntry, checkLinearizable } from '../support/linearizability';
import { describeWithGo } from '../support/needs-go';
import { poll } from '../support/poll';
import { counterGo, counterTs } from '../support/samples';

// Counters hand their numbers over, again and again, between Go and TypeScript, under callers of whom each makes one call
// at a time: of the host, of the counter by way of the host, and of the counter by way of another plugin.

// Everyday each version once, with --full a hundred under more callers.
const full = process.env['PLUGD_FULL'] === '1';
const handoffs = full ? 100 : 4;
const callerCount = full ? 32 : 16;
const keyCount = 8;

let room: CounterRoom;
beforeEach(async () => {
  room = await CounterRoom.open();
});
afterEach(() => room.close());

const versions = [
  { command: counterTs('2'), version: '2.0.0' },
  { command: counterGo('2'), version: '2.0.0' },
  { command: counterTs('1'), version: '1.0.0' },
  { command: counterGo('1'), version: '1.0.0' },
];
const versionAt = (i: number) => {
  const version = versions[i % versions.length];
  if (version === undefined) throw new Error('no versions');
  return version;
};

/** What a caller's call does beside adding one to its key. */
type Way = 'plain' | 'read' | 'host' | 'plugin';

class Callers {
  readonly ledger = new CounterLedger();
  readonly made: Record<Way, number> = { plain: 0, read: 0, host: 0, plugin: 0 };
  readonly #loops: Promise<void>[];
  #ending = false;
  #inner = callerCount;

  /** @param other called by calls of the first, and calls that again */
  constructor(
    readonly plugin: Plugin,
    readonly other: Plugin,
  ) {
    this.#loops = Array.from({ length: callerCount }, (_, caller) => this.#loop(caller));
  }

  /** Resolves when so many more calls have ended. */
  async more(calls: number): Promise<void> {
    const enough = this.ledger.entries.length + calls;
    await poll(
      () => this.ledger.entries.length,
      (ended) => ended >= enough,
    );
  }

  async end(): Promise<CounterLedger> {
    this.#ending = true;
    await Promise.all(this.#loops);
    for (const key of new Set(this.ledger.entries.map((entry) => entry.key))) await this.#get(0, key);
    return this.ledger;
  }

  async #loop(caller: number): Promise<void> {
    const ways: readonly Way[] = ['plain', 'host', 'read', 'plugin'];
    for (let i = caller; !this.#ending; i++) {
      const way = ways[i % ways.length] ?? 'plain';
      await this.#call(caller, way, `k${(caller + i) % keyCount}`);
      this.made[way]++;
      // Else the handshakes of their connections back were all that the machine did.
      await new Promise((next) => setTimeout(next, 20 + (caller % 7) * 5));
    }
  }

  async #call(caller: number, way: Way, key: string): Promise<void> {
    if (way === 'read') {
      await this.#get(caller, key);
      return;
    }
    await this.ledger.add(caller, key, 1, () =>
      this.plugin.pinned(async (scope) => {
        const answer = await put(scope, key, 1, {
          sum: async ({ a, b }) => {
            if (way === 'host') await this.#descend(scope, `of host ${key}`);
            if (way === 'plugin') await this.#descendBy(scope, key);
            return { r: a + b };
          },
        });
        return answer.value;
      }),
    );
  }

  /** The counter's call leads to another of the same counter: to where its numbers are that it began with. */
  async #descend(scope: PinnedScope, key: string): Promise<void> {
    const inner = this.#inner++;
    const helper = await scope.broker.serve(AddHelperDefinition, addHelper);
    await this.#get(inner, key);
    await this.ledger.add(inner, key, 1, async () => {
      const { value } = await this.plugin.client(CounterDefinition).put({ key, value: 1, helper }, limits);
      return value;
    });
  }

  /** The same by way of a plugin that the counter's call leads to. */
  async #descendBy(scope: PinnedScope, key: string): Promise<void> {
    await this.other.pinned((within) =>
      put(within, key, 1, {
        sum: async ({ a, b }) => {
          await this.#descend(scope, `of plugin ${key}`);
          return { r: a + b };
        },
      }),
    );
  }

  #get(caller: number, key: string): Promise<number | undefined> {
    return this.ledger.get(caller, key, async () => {
      return (await this.plugin.client(CounterDefinition).get({ key }, limits)).value;
    });
  }
}

/** A call that needs this long hangs. */
const limits = { timeoutMs: 20_000 };

/** Each key's answers to additions of one: every number from 1 on, once. */
function expectEachOnce(entries: readonly CounterEntry[]): void {
  const answers = new Map<string, number[]>();
  for (const { op, key, answer } of entries) {
    if (op === 'add') answers.set(key, [...(answers.get(key) ?? []), answer ?? Number.NaN]);
  }
  for (const seen of answers.values()) {
    expect(seen.sort((a, b) => a - b)).toEqual(Array.from(seen, (_, i) => i + 1));
  }
}

describeWithGo('a counter', () => {
  test(
    'keeps its numbers over handoffs between languages, with calls that lead back to it',
    async () => {
      const mode = { autoMtls: false };
      const plugin = await room.load(counterGo('1'), mode);
      const other = await room.load(counterTs('1'), { ...mode, name: 'other' });
      const callers = new Callers(plugin, other);
      const drainTimeoutMs = 10_000;
      // Beyond the stalls of a busy machine: what is measured is told below.
      const restart = { hold: { limitMs: 10_000 } };
      const reports: UpgradeReport[] = [];
      try {
        for (let i = 0; i < handoffs; i++) {
          const before = callers.ledger.entries.length;
          while (callers.ledger.entries.length < before + callerCount) {
            await new Promise((next) => setTimeout(next, 10));
          }
          reports.push(await plugin.upgrade({ ...versionAt(i), drainTimeoutMs, restart }));
        }
      } finally {
        await callers.end();
      }
      const { entries, errors } = callers.ledger;
      expect(errors).toEqual([]);
      for (const { strategy, calls, steps, warnings } of reports) {
        const { cut, failed } = calls;
        expect({ strategy, cut, failed }).toEqual({ strategy: 'handoff', cut: 0, failed: 0 });
        const drain = steps.find(({ step }) => step === 'drain')?.elapsedMs ?? 0;
        expect(drain).toBeLessThan(drainTimeoutMs / 2);
        expect(warnings.filter(({ code }) => code !== 'STATE_UNCHECKED')).toEqual([]);
      }
      expectEachOnce(entries);
      expect(await checkLinearizable(entries)).toMatchObject({ linearizable: true, unknown: 0, failed: 0 });
      const pauses = reports.map(({ pauseMs }) => pauseMs).sort((a, b) => a - b);
      console.log(
        `${entries.length} calls (${JSON.stringify(callers.made)} at the top) over ${handoffs} handoffs; pause ` +
          `${pauses[pauses.length >> 1]?.toFixed(1)} ms in the middle, ${pauses.at(-1)?.toFixed(1)} at most`,
      );
    },
    full ? 900_000 : 120_000,
  );

  // Whoever is lost at which step: the numbers are with the other one.
  const losses = [
    ...(['health', 'contract', 'quiesce', 'snapshot', 'restore', 'swap', 'activate'] as const).map(
      (step) => ['new', 'SIGKILL', step] as const,
    ),
    ...(['restore', 'check', 'swap', 'activate'] as const).map((step) => ['old', 'SIGKILL', step] as const),
    ...(['restore', 'activate'] as const).map((step) => ['new', 'SIGSTOP', step] as const),
  ];

  test('keeps its numbers where the other one is lost at any step', async () => {
    const mode = { autoMtls: false, stopTimeoutMs: 500, restart: { hold: { limitMs: 6_000 } } };
    const plugin = await room.load(counterGo('1'), mode);
    const other = await room.load(counterTs('1'), { ...mode, name: 'other' });
    const callers = new Callers(plugin, other);
    const tried = losses.filter((_, i) => full || i === 6 || i === 10);
    const outcomes: string[] = [];
    try {
      for (const [i, [side, signal, at]] of tried.entries()) {
        await callers.more(callerCount);
        const known = [servingPid(plugin), servingPid(other)];
        const [old = 0] = known;
        let struck = false;
        room.room.host.on('event', (event) => {
          if (event.type !== 'operation' || event.step !== at || event.phase !== 'started' || struck) return;
          struck = true;
          const next = () => room.room.processes().find((pid) => !known.includes(pid));
          const pid = side === 'old' ? old : next();
          if (pid !== undefined) process.kill(pid, signal);
        });
        const upgrade = Promise.resolve(plugin.upgrade(versionAt(i)));
        const outcome = await upgrade.then(
          (report) => report.outcome,
          (error: PluginError) => `${error.code} at ${error.facts['step']}`,
        );
        outcomes.push(`${side} ${signal} at ${at}: ${outcome}`);
        if (side === 'old') expect(outcome).toBe('swapped');
        else expect(outcome).not.toBe('swapped');
      }
    } finally {
      await callers.end();
    }
    console.log(outcomes.join('\n'));
    const { entries, errors } = callers.ledger;
    expect(errors).toEqual([]);
    expectEachOnce(entries);
    expect(await checkLinearizable(entries)).toMatchObject({ linearizable: true, unknown: 0, failed: 0 });
  }, 180_000);
});
