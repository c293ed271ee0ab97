import type { HostEvent, HostEventListener } from '@plugd/host';

/** Who gave an answer, as the answer itself says. */
export interface Answer {
  readonly servedBy: string;
  readonly pid: number;
}

/** One call: when it began and ended, who was in the route then, and who answered. */
export interface LedgerEntry {
  readonly what: string;
  readonly beganAt: number;
  readonly endedAt: number;
  /** The generations in the route when it began and when it ended. */
  readonly from: number;
  readonly to: number;
  /** Who answered; undefined if nobody did. */
  readonly version: string | undefined;
  readonly pid: number | undefined;
  readonly generation: number | undefined;
  readonly error: string | undefined;
}

interface Swap {
  readonly generation: number;
  readonly version: string;
  readonly pid: number | undefined;
}

/**
 * The book of every call of a test. It learns of the swaps from the host's events, which come out of the swap itself:
 * so it knows for each call which generations were in the route between its begin and its end, without a clock.
 */
export class Ledger {
  readonly entries: LedgerEntry[] = [];
  readonly swaps: Swap[] = [];
  /** What is wrong: a call that failed, that a generation answered which had left, or that two answered. */
  readonly wrong: string[] = [];
  readonly #byPid = new Map<number, Swap>();
  #current = 0;

  /** @param subscribe gives the host's events to a listener, from before the plugin is loaded. */
  constructor(subscribe: (listener: HostEventListener) => void, plugin: string) {
    subscribe((event) => {
      if (event.type === 'instance' && event.plugin === plugin && event.to === 'serving') this.#note(event);
    });
  }

  #note({ generation, version, pid }: HostEvent & { type: 'instance' }): void {
    const swap = { generation, version, pid };
    this.swaps.push(swap);
    if (pid !== undefined) this.#byPid.set(pid, swap);
    this.#current = generation;
  }

  /** The generation that new calls go to. */
  get current(): number {
    return this.#current;
  }

  /** The generation of a process that is or was in the route. */
  generationOf(pid: number): number | undefined {
    return this.#byPid.get(pid)?.generation;
  }

  /**
   * Enters a call. It resolves with all answers of the call, one a message, and throws if the call failed; whether
   * the messages are complete is the call's to check, by throwing. Returns whether all was well.
   */
  async enter(what: string, call: () => Promise<readonly Answer[]>): Promise<boolean> {
    const from = this.#current;
    const beganAt = performance.now();
    let answers: readonly Answer[] = [];
    let error: string | undefined;
    try {
      answers = await call();
    } catch (thrown) {
      error = thrown instanceof Error ? thrown.message : String(thrown);
    }
    const [first] = answers;
    const swap = first === undefined ? undefined : this.#byPid.get(first.pid);
    const entry: LedgerEntry = {
      what,
      beganAt,
      endedAt: performance.now(),
      from,
      to: this.#current,
      version: first?.servedBy,
      pid: first?.pid,
      generation: swap?.generation,
      error,
    };
    this.entries.push(entry);
    const fault = faultOf(entry, answers, swap);
    if (fault !== undefined) this.wrong.push(`${what}: ${fault}`);
    return fault === undefined;
  }
}

function faultOf(entry: LedgerEntry, answers: readonly Answer[], swap: Swap | undefined): string | undefined {
  if (entry.error !== undefined) return entry.error;
  const [first] = answers;
  if (first === undefined) return 'nobody answered';
  const { from, to } = entry;
  if (swap === undefined) return `answered by process ${first.pid}, which was never in the route`;
  if (answers.some(({ pid, servedBy }) => pid !== first.pid || servedBy !== first.servedBy)) {
    return `mixed: ${[...new Set(answers.map(({ pid, servedBy }) => `${servedBy} of ${pid}`))].join(', ')}`;
  }
  if (swap.version !== first.servedBy) {
    return `version ${first.servedBy} answered for generation ${swap.generation}, which is ${swap.version}`;
  }
  if (swap.generation < from || swap.generation > to) {
    return `answered by generation ${swap.generation}, but the route went from ${from} to ${to}`;
  }
  return undefined;
}
