import type { Contract } from '../contract/contract';
import type { CallObserver } from '../routing/endpoint';
import type { CallTap } from '../routing/tap';
import type { RawAnswer, RawCall } from './raw-call';

/** One of the two versions that run beside each other, as a strategy sees it. */
export interface TrafficSide {
  readonly version: string;
  readonly generation: number;
  /** How many instances it has where it serves alone. */
  readonly whole: number;
  /** How many of its instances are there. */
  readonly instances: number;
  /** Its calls in flight. */
  readonly inFlight: number;
  /** What is known of its services now. */
  readonly contract: Contract;
  /**
   * Hears how each call went that ends on it from now on: method, status, milliseconds. Returns how to end that. What the
   * observer throws is logged, the first time.
   */
  observe(observer: CallObserver): () => void;
  /** What its processes have used of the processors until now, in milliseconds of all cores; undefined if nobody can tell. */
  cpuMs(): Promise<number | undefined>;
  /** Calls a unary method of it beside all that callers do. Never rejects. */
  call(call: RawCall): Promise<RawAnswer>;
  /**
   * Brings it to this number of instances: new ones are proved before they take calls, others finish what they have and
   * leave. Rejects with what the start of one throws; those that were started before stay.
   */
  resize(instances: number): Promise<void>;
}

/** How new calls are shared. */
export interface SplitOptions {
  /**
   * The key of the calls' metadata by whose value they stay on one side: as the share grows, callers go over to the new one and
   * none comes back. Calls without it are shared one by one. Default: none.
   */
  readonly stickyKey?: string;
}

/** What a strategy tells of its progress: in the handle's progress and in the report. */
export interface ShiftProgress {
  /** One sentence for people. */
  readonly message: string;
  /** The new one's share of new calls, from 0 to 100. */
  readonly percentNew: number;
  /** How far the strategy is, from 0 to 1; default: as the share. */
  readonly done?: number;
  /** Numbers of the strategy's own. */
  readonly facts?: Readonly<Record<string, unknown>>;
}

/** The two versions while both run, and what a strategy can do with the calls to them. */
export interface Traffic {
  readonly plugin: string;
  readonly old: TrafficSide;
  readonly new: TrafficSide;
  /** Fires when the operation is given up: `run` should end then, by a throw of the reason. */
  readonly signal: AbortSignal;
  /** Whether somebody has asked by hand that the new one be promoted now: then `run` should resolve soon. */
  readonly promoted: boolean;
  /**
   * Sends this share of new calls to the new one, in percent from 0 to 100. Where the new one can't be called the old one has
   * them all. What `run` has set is taken back when it throws.
   */
  split(percent: number, options?: SplitOptions): void;
  /** Sees the bytes of calls and answers from now on; undefined: no more. One at a time. */
  tap(tap: CallTap | undefined): void;
  /** As `new.call`. */
  call(call: RawCall): Promise<RawAnswer>;
  /**
   * Waits this long, in milliseconds; shorter where the new one is promoted by hand. Rejects when the operation is given up, and with BAKE_FAILED as soon as
   * an instance of the new one is lost.
   */
  wait(ms: number): Promise<void>;
  /** Tells how far it is. */
  progress(progress: ShiftProgress): void;
}

/**
 * How calls come from the old version to the new one: what a strategy does between the proof of the new one and the swap. All else -
 * start, proof, swap, bake, drain, stop, the journal and the undoing - is the same for every strategy.
 */
export interface UpgradeStrategy {
  /** For messages. In reports and the journal a strategy of an application's own is `custom`. */
  readonly name: string;
  /** How many instances of the new one are started at first; default: all. */
  firstInstances?(instances: number): number;
  /**
   * Shifts calls to the new one, as far as it likes. When it resolves the swap comes; when it throws, everything is as before, and
   * the upgrade fails with that: with STRATEGY_FAILED where it is no PluginError.
   */
  run(traffic: Traffic): Promise<void>;
  /**
   * Watches the new one after the swap, while the old one is kept as it is; when it throws, the old one serves again. Where
   * the operation has a `bakeMs`, the new one has to last for that long too.
   */
  bake?(traffic: Traffic): Promise<void>;
}
