import type { Latency } from './fault';

/** Of every call how it ended and how long it took; each has to end once. */
export class Book {
  readonly endings = new Map<string, number>();
  #durations: number[] = [];
  #begun = 0;
  #ended = 0;
  #twice = 0;

  /** A call begins; what is returned has to be called when it ends, with how. */
  begin(): (ending: string) => void {
    const beganAt = performance.now();
    this.#begun++;
    let open = true;
    return (ending) => {
      if (!open) this.#twice++;
      else this.#ended++;
      open = false;
      this.#durations.push(performance.now() - beganAt);
      this.endings.set(ending, (this.endings.get(ending) ?? 0) + 1);
    };
  }

  get ended(): number {
    return this.#ended;
  }

  get open(): number {
    return this.#begun - this.#ended;
  }

  /** Calls that have not ended, and calls that have ended twice. */
  get miscounted(): number {
    return this.open + this.#twice;
  }

  /** What was measured since this was last asked. */
  takeLatency(): Latency {
    const sorted = this.#durations.sort((a, b) => a - b);
    this.#durations = [];
    const at = (share: number): number => sorted[Math.floor((sorted.length - 1) * share)] ?? 0;
    return { calls: sorted.length, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) };
  }
}
