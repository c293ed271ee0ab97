import type { Outcome } from './run';
import type { Scenario } from './scenario';

/** The middle one, the one that nineteen of twenty do not exceed, and the greatest. */
export interface Spread {
  readonly p50: number;
  readonly p95: number;
  readonly max: number;
}

export interface ScenarioFigures {
  readonly name: string;
  readonly expected: Scenario['expected'];
  readonly refused: number;
  readonly promoted: number;
  readonly failed: Readonly<Record<string, number>>;
  /** Calls to the new one while it was on trial, of one run. */
  readonly callsNew: Spread;
  /** Of the 99th percentile that callers saw in one run, in the middle. */
  readonly p99Ms: { readonly old: number; readonly new: number };
  /** The new one's part of all calls meanwhile, over all runs, in percent. */
  readonly percentNew: number;
  readonly elapsedMs: Spread;
  readonly ownFailures: number;
  /** Its failed calls among all calls of all trials, in percent. */
  readonly percentFailed: number;
  /** What should not be, and each only once. */
  readonly faults: readonly string[];
}

export function judgeRuns({ name, expected }: Scenario, outcomes: readonly Outcome[]): ScenarioFigures {
  const count = (wanted: Outcome['outcome']): number =>
    outcomes.filter(({ outcome }) => outcome === wanted).length;
  const sum = (value: (outcome: Outcome) => number): number =>
    outcomes.reduce((total, outcome) => total + value(outcome), 0);
  const failed: Record<string, number> = {};
  for (const { outcome, code = '' } of outcomes) {
    if (outcome === 'failed') failed[code] = (failed[code] ?? 0) + 1;
  }
  const unexpected = outcomes.length - count(expected);
  const all = sum(({ callsNew, callsOld }) => callsNew + callsOld);
  const ownFailures = sum((outcome) => outcome.ownFailures);
  const faults = new Set(outcomes.flatMap(({ wrong }) => wrong));
  if (unexpected > 0) faults.add(`${unexpected} of ${outcomes.length} were not ${expected}`);
  if (outcomes.length === 0) faults.add('nothing was tried');
  return {
    name,
    expected,
    refused: count('refused'),
    promoted: count('promoted'),
    failed,
    callsNew: spread(outcomes.map(({ callsNew }) => callsNew)),
    p99Ms: {
      old: spread(outcomes.map(({ p99Ms }) => p99Ms.old)).p50,
      new: spread(outcomes.map(({ p99Ms }) => p99Ms.new)).p50,
    },
    percentNew: rounded((100 * sum(({ callsNew }) => callsNew)) / all),
    elapsedMs: spread(outcomes.map(({ elapsedMs }) => Math.round(elapsedMs))),
    ownFailures,
    percentFailed: rounded((100 * ownFailures) / all),
    faults: [...faults].slice(0, 20),
  };
}

export function spread(numbers: readonly number[]): Spread {
  const sorted = [...numbers].sort((a, b) => a - b);
  const at = (part: number): number => sorted[Math.ceil(part * sorted.length) - 1] ?? Number.NaN;
  return { p50: at(0.5), p95: at(0.95), max: at(1) };
}

const rounded = (number: number): number => Math.round(1000 * number) / 1000;
