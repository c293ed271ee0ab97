import type { status } from '@grpc/grpc-js';
import type { MetricJudgement, Reading, Side } from './judgement';

/** A call that has ended. */
export interface EndedCall {
  readonly side: Side;
  readonly method: string;
  readonly code: status;
  /** Undefined where its length says nothing. */
  readonly elapsedMs: number | undefined;
  /** When, monotonic, in ms. */
  readonly at: number;
}

/** Judges one metric. What it does not care for it leaves out. */
export interface MetricJudge {
  record?(call: EndedCall): void;
  reading?(reading: Reading): void;
  /** A stratum is over: another one begins. */
  turn?(now: number): void;
  /** From now on so many percent of the new calls go to the new version. */
  shares?(now: number, percentNew: number): void;
  /** @param enough whether each side has answered as many calls as the rule wants */
  judge(now: number, enough: boolean): Finding;
}

/** What a judge knows, beside what stands in the rule. */
export interface Finding extends Omit<MetricJudgement, 'metric' | 'against' | 'threshold' | 'weight'> {
  /** Evidence is coming, but not enough yet to say that it is no worse. */
  readonly pending?: boolean;
}
