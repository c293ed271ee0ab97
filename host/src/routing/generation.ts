import { performance } from 'node:perf_hooks';
import { status } from '@grpc/grpc-js';
import type { Channel, StatusObject } from './grpc-call';
import { type Refusal, refusalStatus } from './refusal';

/** What has happened on a generation since it was made. */
export interface GenerationStatistics {
  /** Calls that were sent to it. */
  readonly started: number;
  /** Calls that have ended, for whatever reason. */
  readonly ended: number;
  /** Of those: the ones that were cut because they outlived a drain. */
  readonly cut: number;
  /** Of those: the ones that ended UNAVAILABLE without being cut, as when its process dies. */
  readonly unavailable: number;
  /** How long the call waited that was held longest before it came here, in milliseconds. */
  readonly longestWaitMs: number;
}

export interface DrainResult {
  /** Calls that ended by themselves. */
  readonly drained: number;
  /** Calls that had not ended at the limit and were cut. */
  readonly cut: number;
  readonly elapsedMs: number;
}

/** A call that runs on a generation. */
export interface RunningCall {
  /** Ends it with this status, unless its own is already on the way. */
  cut(outcome: StatusObject): void;
}

const MAX_TIMER_MS = 0x7fffffff;

/** One version at work: the channel to it, and the calls that it has. */
export class Generation {
  private readonly calls = new Set<RunningCall>();
  private started = 0;
  private ended = 0;
  private cutCount = 0;
  private unavailable = 0;
  private longestWaitMs = 0;
  private idleWaiters: (() => void)[] = [];

  constructor(
    readonly number: number,
    readonly channel: Channel,
  ) {}

  get inFlight(): number {
    return this.calls.size;
  }

  get statistics(): GenerationStatistics {
    const { started, ended, cutCount: cut, unavailable, longestWaitMs } = this;
    return { started, ended, cut, unavailable, longestWaitMs };
  }

  /**
   * Waits until all calls have ended; at the limit, cuts what is left with UNAVAILABLE and a trailer that says
   * why. To be called when the generation has left the route: it does not keep new calls away.
   *
   * @param limitMs 0 cuts at once, Infinity never.
   */
  async drain(limitMs: number, refusal?: Refusal): Promise<DrainResult> {
    const { ended, cutCount } = this;
    const begin = performance.now();
    const timer =
      this.calls.size > 0 && limitMs <= MAX_TIMER_MS
        ? setTimeout(() => this.cut(refusal ?? outlived(limitMs)), limitMs)
        : undefined;
    try {
      await this.idle();
    } finally {
      clearTimeout(timer);
    }
    const cut = this.cutCount - cutCount;
    return { drained: this.ended - ended - cut, cut, elapsedMs: performance.now() - begin };
  }

  /** Cuts all calls now. */
  cut(refusal: Refusal): void {
    // Each call gets metadata of its own: what a caller does to its trailers is no other's business.
    for (const call of [...this.calls]) call.cut(refusalStatus(refusal));
  }

  /** Resolves when no call is in flight. */
  idle(): Promise<void> {
    if (this.calls.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.idleWaiters.push(resolve));
  }

  /** A call begins. `waitedMs`: how long it was held before. */
  enter(call: RunningCall, waitedMs: number): void {
    this.started++;
    if (waitedMs > this.longestWaitMs) this.longestWaitMs = waitedMs;
    this.calls.add(call);
  }

  /** A call has ended. */
  leave(call: RunningCall, code: status, cut: boolean): void {
    this.calls.delete(call);
    this.ended++;
    if (cut) this.cutCount++;
    else if (code === status.UNAVAILABLE) this.unavailable++;
    if (this.calls.size > 0) return;
    const waiters = this.idleWaiters;
    this.idleWaiters = [];
    for (const resolve of waiters) resolve();
  }
}

function outlived(limitMs: number): Refusal {
  return {
    code: 'DRAIN_TIMEOUT',
    details: `The plugin was replaced or stopped, and the call had not ended within the ${limitMs} ms that it was given`,
  };
}
