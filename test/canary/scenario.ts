import type { CanaryLatency } from '../support/canary-latency';
import type { CanaryOrder } from '../upgrade/canary-plugin';

/** A version that is tried again and again. */
export interface Scenario {
  readonly name: string;
  /** Of both versions. */
  readonly latency: CanaryLatency;
  /** How many calls there are at a time, in each of the trials. */
  readonly callers: number;
  /** What the new one does worse. */
  readonly worse: Pick<CanaryOrder, 'errors' | 'latency'>;
  /** What has to become of it. */
  readonly expected: 'refused' | 'promoted';
  /** How long it stays on trial at the most, in milliseconds. */
  readonly bakeMs: number;
  /** A time in which both are slower: how many times, and from when to when after the trial has begun, in milliseconds. */
  readonly slow?: { readonly factor: number; readonly fromMs: number; readonly toMs: number };
}

const INTERNAL = 13;
/** A bad version that lasts so long has not been found out. */
const longMs = 120_000;
/** About as long as a bad one lasts in the middle. */
const enoughMs = 10_000;
const quick = { latency: { medianMs: 3, sigma: 0.5 }, callers: 4 };
/** So slow that what a busy machine adds, some tenths of a second to the slowest, is little of it. */
const slower = { latency: { medianMs: 400, sigma: 0.5 }, callers: 60 };

export const scenarios: readonly Scenario[] = [
  {
    name: 'errors-2-percent',
    ...quick,
    worse: { errors: { share: 0.02, code: INTERNAL } },
    expected: 'refused',
    bakeMs: longMs,
  },
  {
    name: 'p99-twice-all',
    ...slower,
    worse: { latency: { ...slower.latency, factor: 2 } },
    expected: 'refused',
    bakeMs: longMs,
  },
  {
    name: 'p99-twice-tail',
    ...slower,
    worse: { latency: { ...slower.latency, tailFactor: 2 } },
    expected: 'refused',
    bakeMs: longMs,
  },
  { name: 'equal', ...slower, worse: {}, expected: 'promoted', bakeMs: enoughMs },
  {
    name: 'equal-and-both-slow',
    ...slower,
    worse: {},
    expected: 'promoted',
    bakeMs: enoughMs,
    slow: { factor: 4, fromMs: 3_000, toMs: 6_000 },
  },
];
