import type { CallTarget } from './call-target';
import {
  addedStatistics,
  type CallFilter,
  type CallObserver,
  type CallStatistics,
  type DrainResult,
  type Endpoint,
  noCalls,
} from './endpoint';
import { guarded } from './guarded';
import type { Refusal } from './refusal';

/**
 * One version at work, as calls see it: the endpoints of its instances. A call goes to the one with the fewest calls
 * in flight; which of them take calls may change at any time.
 */
export class Generation implements CallTarget {
  private readonly members = new Set<Endpoint>();
  private usable: Endpoint[] = [];
  /** Where the search for the least busy one begins, so that equally busy ones take turns. */
  private turn = 0;
  /** Those that were removed and have calls. */
  private readonly former = new Set<Endpoint>();
  /** What those did that have none any more. */
  private past: CallStatistics = noCalls;
  private onChange: (() => void) | undefined;
  private readonly observers = new Map<CallObserver, Map<Endpoint, () => void>>();

  constructor(
    readonly number: number,
    /** Hears the first failure of each observer. */
    private readonly onObserverFailed: (error: unknown) => void = () => {},
  ) {}

  /** All that belong to it, also those that take no calls now. */
  get endpoints(): readonly Endpoint[] {
    return [...this.members];
  }

  /** Whether a call can be sent to it. */
  get ready(): boolean {
    return this.usable.length > 0;
  }

  get inFlight(): number {
    let sum = 0;
    for (const endpoint of this.members) sum += endpoint.inFlight;
    for (const endpoint of this.former) sum += endpoint.inFlight;
    return sum;
  }

  get statistics(): CallStatistics {
    return [...this.members, ...this.former].reduce(
      (sum, { statistics }) => addedStatistics(sum, statistics),
      this.past,
    );
  }

  /** Where the next call goes; undefined if no endpoint takes calls. */
  pick(): Endpoint | undefined {
    const { usable } = this;
    const count = usable.length;
    if (count <= 1) return usable[0];
    this.turn = (this.turn + 1) % count;
    let best: Endpoint | undefined;
    for (let step = 0; step < count; step++) {
      const endpoint = usable[(this.turn + step) % count];
      if (endpoint !== undefined && (best === undefined || endpoint.inFlight < best.inFlight))
        best = endpoint;
    }
    return best;
  }

  /** A new endpoint takes calls from now on. */
  add(endpoint: Endpoint): void {
    this.members.add(endpoint);
    for (const [observer, ends] of this.observers) ends.set(endpoint, endpoint.observe(observer));
    endpoint.watch(() => this.settle());
    this.settle();
  }

  /** The endpoint takes no more calls, for good. Calls that it still has go on, and are its owner's to drain. */
  remove(endpoint: Endpoint): void {
    if (!this.members.delete(endpoint)) return;
    endpoint.watch(undefined);
    this.former.add(endpoint);
    void endpoint.idle().then(() => {
      this.former.delete(endpoint);
      for (const ends of this.observers.values()) ends.delete(endpoint);
      this.past = addedStatistics(this.past, endpoint.statistics);
    });
    this.settle();
  }

  /** Tells how each call goes that begins on it from now on. Returns how to end that. What the observer throws harms no call. */
  observe(observer: CallObserver): () => void {
    const own: CallObserver = guarded(observer, this.onObserverFailed);
    const ends = new Map(this.endpoints.map((endpoint) => [endpoint, endpoint.observe(own)]));
    this.observers.set(own, ends);
    return () => {
      this.observers.delete(own);
      for (const end of ends.values()) end();
    };
  }

  /** Waits until all calls have ended, on every endpoint. See {@link Endpoint.drain}. */
  async drain(limitMs: number, refusal?: Refusal): Promise<DrainResult> {
    const results = await Promise.all(this.endpoints.map((endpoint) => endpoint.drain(limitMs, refusal)));
    return results.reduce(
      (sum, { drained, cut, elapsedMs }) => ({
        drained: sum.drained + drained,
        cut: sum.cut + cut,
        elapsedMs: Math.max(sum.elapsedMs, elapsedMs),
      }),
      { drained: 0, cut: 0, elapsedMs: 0 },
    );
  }

  /**
   * Waits until no call is in flight that matters, whatever others go on; then calls `then`, before another one can
   * begin. Whether it came to that within the limit, in milliseconds.
   */
  async quiesce(matters: CallFilter, limitMs: number, then: () => void): Promise<boolean> {
    const due = performance.now() + limitMs;
    for (;;) {
      const busy = [...this.members, ...this.former].find((endpoint) => endpoint.has(matters));
      if (busy === undefined) {
        then();
        return true;
      }
      const leftMs = due - performance.now();
      if (leftMs <= 0) return false;
      await busy.nextEnd(leftMs);
    }
  }

  /** Cuts all calls now. */
  cut(refusal: Refusal): void {
    for (const endpoint of this.endpoints) endpoint.cut(refusal);
  }

  /** Resolves when no call is in flight. */
  async idle(): Promise<void> {
    await Promise.all(this.endpoints.map((endpoint) => endpoint.idle()));
  }

  /** For the route that it is in: hears of every change in which endpoints take calls. */
  watch(onChange: (() => void) | undefined): void {
    this.onChange = onChange;
  }

  private settle(): void {
    const usable = this.endpoints.filter(({ suspended }) => !suspended);
    this.usable = usable.length > 0 ? usable : this.endpoints.filter(({ spare }) => spare);
    this.onChange?.();
  }
}
