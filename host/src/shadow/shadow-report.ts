import type { AnswerDifference } from './difference';

/**
 * Why a call was not mirrored, or came to no verdict. `sideEffects`: its method has some, or is no unary one, or isn't known.
 * `sample`: left out by `samplePercent`. `rate`, `busy`: more than `maxPerSecond`, than `maxInFlight`, or than the host's own
 * work leaves time for (`busyPercent`). `size`: larger than `maxBytes`, or of too many values to be compared. `unfinished`: the old version's
 * answer says nothing about the request, such as UNAVAILABLE, or what is above the time or the load. `unsteady`: the old version
 * itself answered otherwise when it was asked again.
 */
export type ShadowSkip = 'sideEffects' | 'sample' | 'rate' | 'busy' | 'size' | 'unfinished' | 'unsteady';

/** One answer of the new version that was not the old one's. */
export interface ShadowDisagreement extends AnswerDifference {
  /** `/package.Service/Method` */
  readonly method: string;
  /** How many differences more the same answer has; up to 9 are counted. */
  readonly more: number;
  /** Of the request, what `revealRequest` names. */
  readonly request?: Readonly<Record<string, string>>;
}

/** In milliseconds, of the latest calls; absent where there were none. */
export interface ShadowTimes {
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** What has come of one method. */
export interface ShadowMethod {
  readonly method: string;
  /** `bytes` where there are no descriptors: then what means the same may be taken for different. */
  readonly comparedAs: 'message' | 'bytes';
  readonly compared: number;
  readonly agreed: number;
  readonly disagreed: number;
  /** Of the old version as callers had it, and of the new one as it was mirrored. */
  readonly old?: ShadowTimes;
  readonly new?: ShadowTimes;
}

/** What has come of mirroring calls, until now. */
export interface ShadowReport {
  /** Answers that were compared: those that agreed and those that disagreed. */
  readonly compared: number;
  readonly agreed: number;
  readonly disagreed: number;
  readonly skipped: Readonly<Record<ShadowSkip, number>>;
  /** Those that were called. */
  readonly methods: readonly ShadowMethod[];
  /** The first ones. */
  readonly disagreements: readonly ShadowDisagreement[];
  /** Some fields, behind their methods, in which the old version's answers to one request differ: `ignore` could name them. */
  readonly unsteadyFields: readonly string[];
}
