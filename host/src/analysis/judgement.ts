import type { MetricName } from './rule';

/** Which of the two versions. */
export type Side = 'old' | 'new';

/** What is known of a version's instances at one moment. */
export interface Reading {
  readonly side: Side;
  /** How many are at work; a reading of none is passed over. */
  readonly instances: number;
  /**
   * Processor time that they have used in all, since whenever: what counts is by how much it grows. Undefined where
   * the system does not tell.
   */
  readonly cpuMs: number | undefined;
  /** Calls in flight on all of them. */
  readonly inFlight: number;
  /** Monotonic, in ms. */
  readonly at: number;
}

/** What was found of one metric. Plain data. */
export interface MetricJudgement {
  readonly metric: MetricName;
  readonly against: 'old' | 'absolute';
  /**
   * The measured values, in the unit of an absolute threshold: a share, milliseconds (over all methods), calls a second,
   * cores, calls. Of `errors` against `old` the old one's share is that of the same methods at the same times. Undefined
   * where nothing is known.
   */
  readonly old: number | undefined;
  readonly new: number | undefined;
  /** Calls, or for `cpu` and `queue-length` readings, that the values come from. */
  readonly calls: { readonly old: number; readonly new: number };
  /** As in the rule. */
  readonly threshold: number;
  readonly weight: number;
  readonly breached: boolean;
  /** How likely chance alone makes such a difference. Undefined where nothing was tested yet. */
  readonly pValue: number | undefined;
  /** One sentence for people. */
  readonly why: string;
}

/** What is to be thought of a new version at this moment. Plain data. */
export interface Judgement {
  /**
   * - `refuse`: it is worse; this stays so.
   * - `promote`: enough calls were seen in this step, and nothing speaks against it.
   * - `wait`: neither is known yet.
   */
  readonly verdict: 'refuse' | 'promote' | 'wait';
  /** Sum of the weights of the breached metrics. */
  readonly score: number;
  /** Calls that have ended in this step. */
  readonly calls: { readonly old: number; readonly new: number };
  /** In the order of the rule. */
  readonly metrics: readonly MetricJudgement[];
  /** One sentence for people. */
  readonly why: string;
}
