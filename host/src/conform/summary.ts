import type { RuleResult, Verdict } from './rule';

export interface Summary {
  readonly verdict: 'pass' | 'fail';
  readonly counts: Readonly<Record<Verdict, number>>;
}

/** One failure is enough to fail; warnings are not. */
export function summarize(results: readonly RuleResult[]): Summary {
  const counts = { pass: 0, fail: 0, warn: 0, skip: 0 };
  for (const { verdict } of results) counts[verdict] += 1;
  return { verdict: counts.fail > 0 ? 'fail' : 'pass', counts };
}
