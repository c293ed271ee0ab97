import type { Clock } from '../../../host/src/supervision/clock';

/**
 * A clock that a test moves, with an event loop as libuv's: due timers run first, then what has arrived is read
 * (`arrive`), then what waits for the turn's end.
 */
export class ManualClock implements Clock {
  #now = 1_000;
  #wall = 1_700_000_000_000;
  #timers: { due: number; run: () => void }[] = [];
  #turnEnds: (() => void)[] = [];
  #arrivals: { at: number; run: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  wallNow(): number {
    return this.#wall;
  }

  after(ms: number, run: () => void): () => void {
    const timer = { due: this.#now + Math.max(1, ms), run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((one) => one !== timer);
    };
  }

  atTurnEnd(run: () => void): () => void {
    this.#turnEnds.push(run);
    return () => {
      this.#turnEnds = this.#turnEnds.filter((one) => one !== run);
    };
  }

  /** Something that reaches a socket after a while, whether or not the loop runs then. */
  arrive(ms: number, run: () => void): void {
    this.#arrivals.push({ at: this.#now + ms, run });
  }

  get pending(): number {
    return this.#timers.length + this.#turnEnds.length;
  }

  /** The loop runs and nothing keeps it from its timers. */
  async run(ms: number): Promise<void> {
    const end = this.#now + ms;
    for (;;) {
      const next = Math.min(...this.#timers.map((one) => one.due), ...this.#arrivals.map((one) => one.at));
      if (next > end) break;
      this.#move(Math.max(0, next - this.#now));
      await this.#turn();
    }
    this.#move(end - this.#now);
  }

  /** The process is stopped or blocked: time passes, nothing runs. Then one turn of the loop, as after SIGCONT. */
  async stall(ms: number): Promise<void> {
    this.#move(ms);
    await this.#turn();
  }

  /** The machine sleeps: only the wall clock goes on. */
  sleep(ms: number): void {
    this.#wall += ms;
  }

  #move(ms: number): void {
    this.#now += ms;
    this.#wall += ms;
  }

  async #turn(): Promise<void> {
    const due = this.#timers.filter((one) => one.due <= this.#now).sort((a, b) => a.due - b.due);
    this.#timers = this.#timers.filter((one) => !due.includes(one));
    for (const one of due) await settled(one.run);
    const arrived = this.#arrivals.filter((one) => one.at <= this.#now);
    this.#arrivals = this.#arrivals.filter((one) => !arrived.includes(one));
    for (const one of arrived) await settled(one.run);
    const ends = this.#turnEnds;
    this.#turnEnds = [];
    for (const run of ends) await settled(run);
    // Whoever asked for another turn gets it at once: the loop doesn't sleep before that.
    if (this.#turnEnds.length > 0) await this.#turn();
  }
}

/** Runs it and whatever promises follow from it, as Node does after each callback. */
async function settled(run: () => void): Promise<void> {
  run();
  for (let i = 0; i < 8; i += 1) await Promise.resolve();
}
