import { performance } from 'node:perf_hooks';
import { connectivityState, type status } from '@grpc/grpc-js';
import { LONGEST_TIMER_MS } from '@plugd/protocol/longest-timer';
import type { Channel, StatusObject } from './grpc-call';
import { type Refusal, refusalStatus } from './refusal';

/** What has happened on an endpoint, or on all endpoints of a generation, since it was made. */
export interface CallStatistics {
  /** Calls that were sent to it. */
  readonly started: number;
  /** Calls that have ended, for whatever reason. */
  readonly ended: number;
  /** Of those: the ones that were cut because they outlived a drain. */
  readonly cut: number;
  /** Of those: the ones that failed because its connection was lost. */
  readonly lost: number;
  /** Of those: the ones that were begun anew elsewhere, because its connection was lost. */
  readonly retried: number;
  /** Of those that were cut: the ones whose method may be cut. */
  readonly excused: number;
  /** Streams that left it before their end, and were opened again elsewhere. */
  readonly resumed: number;
  /** How long the call waited that was held longest before it came here, in milliseconds. */
  readonly longestWaitMs: number;
}

export const noCalls: CallStatistics = {
  started: 0,
  ended: 0,
  cut: 0,
  lost: 0,
  retried: 0,
  excused: 0,
  resumed: 0,
  longestWaitMs: 0,
};

export function addedStatistics(a: CallStatistics, b: CallStatistics): CallStatistics {
  return {
    started: a.started + b.started,
    ended: a.ended + b.ended,
    cut: a.cut + b.cut,
    lost: a.lost + b.lost,
    retried: a.retried + b.retried,
    excused: a.excused + b.excused,
    resumed: a.resumed + b.resumed,
    longestWaitMs: Math.max(a.longestWaitMs, b.longestWaitMs),
  };
}

export interface DrainResult {
  /** Calls that ended by themselves: streams that went on elsewhere are none of these. */
  readonly drained: number;
  /** Calls that had not ended at the limit and were cut. */
  readonly cut: number;
  readonly elapsedMs: number;
}

/** Picks calls by their method; undefined stands for work that may call any. */
export type CallFilter = (path: string | undefined) => boolean;

/** A call that runs on an endpoint. */
export interface RunningCall {
  /** `/package.Service/Method`; undefined for work that may be any number of calls. */
  readonly path: string | undefined;
  /** Ends it with this status, unless its own is already on the way. */
  cut(outcome: StatusObject): void;
  /** Goes elsewhere, if it is a stream that can: its endpoint is about to leave. */
  sendOn?(): void;
}

/**
 * How a call left its endpoint: by a status of its own, cut by the host (`excused` where its method may be), failed with
 * its connection, or lost with it and begun anew; `resumed`: a stream that goes on elsewhere.
 */
export type Leaving = 'ended' | 'cut' | 'excused' | 'lost' | 'retried' | 'resumed';

/** How long a call that was cut may take to end: that is a matter of one turn of the event loop. */
const endsWhenCutMs = 1_000;

/** Why new calls are kept away: its connection is broken, it is of no use, or it does much worse than its peers. */
export type SuspendReason = 'connection' | 'unhealthy' | 'outlier';

/** Hears how each call went: its method, its status, and how long it took, in milliseconds. */
export type CallObserver = (path: string, code: status, elapsedMs: number) => void;

/** One instance as calls see it: the channel to it, and the calls that it has. */
export class Endpoint {
  private readonly calls = new Set<RunningCall>();
  private started = 0;
  private ended = 0;
  private cutCount = 0;
  private lostCount = 0;
  private retried = 0;
  private excused = 0;
  private resumed = 0;
  private longestWaitMs = 0;
  private idleWaiters: (() => void)[] = [];
  private leaveWaiters: (() => void)[] = [];
  private readonly reasons = new Set<SuspendReason>();
  private dead = false;
  private onChange: (() => void) | undefined;
  /** Its calls are to end: new ones go elsewhere. */
  draining = false;
  /** Hears of each call that ended at its deadline: there may be something wrong. */
  onLate: (() => void) | undefined;
  /** Calls are timed only where somebody wants to know. */
  observer: CallObserver | undefined;
  private readonly observers = new Set<CallObserver>();
  /** Hears once of the next call that begins. */
  onWake: (() => void) | undefined;

  constructor(
    /** The number of its generation. */
    readonly generation: number,
    readonly channel: Channel,
  ) {}

  /** Tells how each call goes that begins from now on. Returns how to end that. The observer must not throw. */
  observe(observer: CallObserver): () => void {
    this.observers.add(observer);
    this.settleObserver();
    return () => {
      this.observers.delete(observer);
      this.settleObserver();
    };
  }

  private settleObserver(): void {
    const [first, ...others] = this.observers;
    this.observer =
      first === undefined || others.length === 0
        ? first
        : (path, code, elapsedMs) => {
            for (const observer of [...this.observers]) observer(path, code, elapsedMs);
          };
  }

  get inFlight(): number {
    return this.calls.size;
  }

  get statistics(): CallStatistics {
    const { started, ended, cutCount: cut, lostCount: lost, retried, excused, resumed, longestWaitMs } = this;
    return { started, ended, cut, lost, retried, excused, resumed, longestWaitMs };
  }

  /** Whether new calls are kept away from it. */
  get suspended(): boolean {
    return this.reasons.size > 0;
  }

  /** Whether it is kept away from calls only for being worse than its peers: better than nothing, should they be lost. */
  get spare(): boolean {
    return this.reasons.size === 1 && this.reasons.has('outlier');
  }

  /** Keeps new calls away, until each reason has gone; those that it has are not touched. */
  suspend(reason: SuspendReason): void {
    if (this.reasons.has(reason)) return;
    this.reasons.add(reason);
    this.onChange?.();
  }

  /** Ends {@link suspend} for this reason. */
  resume(reason: SuspendReason): void {
    if (this.reasons.delete(reason)) this.onChange?.();
  }

  /** For its generation: hears when it begins or ceases to take calls. */
  watch(onChange: (() => void) | undefined): void {
    this.onChange = onChange;
  }

  /**
   * Whether the connection under its calls is lost: then an UNAVAILABLE is no answer of the plugin, but the end of
   * everything that it was doing.
   */
  get lost(): boolean {
    return this.dead || this.channel.getConnectivityState(false) !== connectivityState.READY;
  }

  /** The process is gone, which may be known before its connection has been seen to break. */
  lose(): void {
    this.dead = true;
  }

  /** Lets streams go elsewhere that can: those of these methods. */
  sendOn(which: CallFilter = () => true): void {
    for (const call of [...this.calls]) if (which(call.path)) call.sendOn?.();
  }

  /**
   * Lets streams go elsewhere that can, and waits until all calls have ended; at the limit, cuts what is left with UNAVAILABLE and a trailer that says
   * why. To be called when no new calls come: it does not keep them away.
   *
   * @param limitMs 0 cuts at once, Infinity never.
   */
  async drain(limitMs: number, refusal?: Refusal): Promise<DrainResult> {
    const { ended, cutCount, resumed } = this;
    this.draining = true;
    this.sendOn();
    const begin = performance.now();
    const timer =
      this.calls.size > 0 && limitMs <= LONGEST_TIMER_MS
        ? setTimeout(() => this.cut(refusal ?? outlived(limitMs)), limitMs)
        : undefined;
    try {
      await this.idle();
    } finally {
      clearTimeout(timer);
    }
    const cut = this.cutCount - cutCount;
    const movedOn = this.resumed - resumed;
    return { drained: this.ended - ended - cut - movedOn, cut, elapsedMs: performance.now() - begin };
  }

  /** Cuts all calls now. Nobody waits for one that does not end by that. */
  cut(refusal: Refusal): void {
    const calls = [...this.calls];
    // Each call gets metadata of its own: what a caller does to its trailers is no other's business.
    for (const call of calls) call.cut(refusalStatus({ executed: 'maybe', ...refusal }));
    if (this.calls.size === 0) return;
    const timer = setTimeout(() => {
      for (const call of calls) this.leave(call, 'cut');
    }, endsWhenCutMs);
    void this.idle().then(() => clearTimeout(timer));
  }

  /** Resolves when no call is in flight. */
  idle(): Promise<void> {
    if (this.calls.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.idleWaiters.push(resolve));
  }

  /** Whether a call is in flight that matters. */
  has(matters: CallFilter): boolean {
    for (const { path } of this.calls) if (matters(path)) return true;
    return false;
  }

  /** Resolves when the next call has ended, or after the time. */
  nextEnd(limitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, Math.min(limitMs, LONGEST_TIMER_MS));
      this.leaveWaiters.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  /** A call begins. `waitedMs`: how long it was held before. */
  enter(call: RunningCall, waitedMs: number): void {
    this.started++;
    if (this.onWake !== undefined) this.wake(this.onWake);
    this.waited(waitedMs);
    this.calls.add(call);
  }

  /** Something was held for so long before it came here. */
  waited(waitedMs: number): void {
    if (waitedMs > this.longestWaitMs) this.longestWaitMs = waitedMs;
  }

  private wake(onWake: () => void): void {
    this.onWake = undefined;
    onWake();
  }

  /** A call has ended here. One that has left already does so only once. */
  leave(call: RunningCall, leaving: Leaving): void {
    if (!this.calls.delete(call)) return;
    this.ended++;
    if (leaving === 'cut') this.cutCount++;
    else if (leaving === 'resumed') this.resumed++;
    else if (leaving === 'excused') this.cutExcused();
    else if (leaving === 'retried') this.retried++;
    else if (leaving === 'lost') this.lostCount++;
    if (this.leaveWaiters.length > 0) this.wakeAll();
    if (this.calls.size > 0) return;
    const waiters = this.idleWaiters;
    this.idleWaiters = [];
    for (const resolve of waiters) resolve();
  }

  private cutExcused(): void {
    this.cutCount++;
    this.excused++;
  }

  private wakeAll(): void {
    const waiters = this.leaveWaiters;
    this.leaveWaiters = [];
    for (const wake of waiters) wake();
  }
}

function outlived(limitMs: number): Refusal {
  return {
    code: 'DRAIN_TIMEOUT',
    details: `The plugin was replaced or stopped, and the call had not ended within the ${limitMs} ms that it was given`,
  };
}
