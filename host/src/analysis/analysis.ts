import type { status } from '@grpc/grpc-js';
import { CallRateComparison, CallRateLimit } from './call-rate';
import { Comparison } from './comparison';
import { errorCriterion, SlowerThan, SlowerThanOld } from './criterion';
import { Gauge } from './gauge';
import type { Judgement, MetricJudgement, Reading, Side } from './judgement';
import { LimitTest } from './limit-test';
import type { Finding, MetricJudge } from './metric-judge';
import type { AnalysisSpec, MetricSpec } from './rule';
import { StratumClock } from './stratum-clock';
import { amount } from './wording';

interface Judged {
  readonly spec: MetricSpec;
  readonly judge: MetricJudge;
}

/**
 * Judges whether a new version is worse than the old one that works beside it. It has no timers: what it is told and
 * asked carries the time, monotonic, in milliseconds. What it keeps is bounded, however many calls it is told of.
 */
export class Analysis {
  private readonly judged: readonly Judged[];
  private readonly clock: StratumClock;
  private calls = { old: 0, new: 0 };
  private inStep = { old: 0, new: 0 };
  private refusal: Judgement | undefined;

  /**
   * @param old whether the old version has calls `beside` the new one, or only `before` it, as in a bake after a swap of
   *   all calls. Then a bad minute of both looks like the new one's own: nobody knows how the old one would have done.
   */
  constructor(
    private readonly spec: AnalysisSpec,
    now: number,
    old: 'beside' | 'before' = 'beside',
  ) {
    const beside = old === 'beside';
    // Each test gets its part of the chance of being wrong.
    const tests = spec.metrics.filter((metric) => isTested(metric)).length;
    this.judged = spec.metrics.map((metric) => ({
      spec: metric,
      judge: judgeOf(metric, spec.minCalls, beside, spec.alpha / tests),
    }));
    this.clock = new StratumClock(now, beside);
  }

  /**
   * A call has ended. To be told of the old version's calls also before the new one has any: the p99 that it is held
   * against comes from them.
   *
   * @param method `/package.Service/Method`
   * @param elapsedMs of a unary call; undefined where its length says nothing, as that of a stream
   */
  record(side: Side, method: string, code: status, elapsedMs: number | undefined, now: number): void {
    if (this.clock.isOver(now)) this.turn(now);
    this.clock.record(side);
    this.calls[side] += 1;
    this.inStep[side] += 1;
    for (const { judge } of this.judged) judge.record?.({ side, method, code, elapsedMs, at: now });
  }

  /** For `cpu` and `queue-length`: to be told every second or so, of both sides. */
  reading(reading: Reading): void {
    for (const { judge } of this.judged) judge.reading?.(reading);
  }

  /** New calls are split anew: so many percent go to the new version. To be told at the beginning too. */
  shares(now: number, percentNew: number): void {
    // Within a stratum the split has to be the same: else a bad moment in it would be one side's more than the other's.
    this.turn(now);
    for (const { judge } of this.judged) judge.shares?.(now, percentNew);
  }

  /** `promote` asks for enough calls of the new version from now on; what was seen before goes on to count. */
  beginStep(): void {
    this.inStep = { old: 0, new: 0 };
  }

  /** May be asked as often as one likes: chance gets no more tries by it. */
  look(now: number): Judgement {
    if (this.refusal) return this.refusal;
    if (this.clock.isOver(now)) this.turn(now);
    const { minCalls, abortAt, promoteBelow = Number.MIN_VALUE } = this.spec;
    const compares = this.spec.metrics.some(({ against }) => against === 'old');
    const enough = Math.min(this.calls.new, compares ? this.calls.old : this.calls.new) >= minCalls;
    const found = this.judged.map((one) => ({ ...one, finding: one.judge.judge(now, enough) }));
    const breached = found.filter(({ finding }) => finding.breached);
    const score = breached.reduce((sum, { spec }) => sum + spec.weight, 0);
    const pending = found.some(({ finding }) => finding.pending === true);
    const counted = enough && this.inStep.new >= minCalls;
    const verdict = verdictOf(score, abortAt, counted && !pending && score < promoteBelow);
    const metrics = found.map(({ spec, finding }) => shown(spec, finding));
    const why = this.sentence(verdict, score, counted, metrics);
    const judgement: Judgement = { verdict, score, calls: { ...this.inStep }, metrics, why };
    if (verdict === 'refuse') this.refusal = judgement;
    return judgement;
  }

  private turn(now: number): void {
    this.clock.begin(now);
    for (const { judge } of this.judged) judge.turn?.(now);
  }

  private sentence(
    verdict: Judgement['verdict'],
    score: number,
    counted: boolean,
    metrics: readonly MetricJudgement[],
  ): string {
    const reasons = metrics.filter(({ breached }) => breached).map(({ why }) => why);
    if (verdict === 'refuse') return `The new version is worse. ${reasons.join(' ')}`;
    if (verdict === 'promote') return 'Enough calls were seen, and the new version is not found to be worse.';
    if (reasons.length > 0) {
      return `What speaks against the new version weighs ${amount(score)}; ${amount(this.spec.abortAt)} refuse it. ${reasons.join(' ')}`;
    }
    if (counted) return 'There are not readings of long enough yet.';
    const { minCalls } = this.spec;
    return `The new version has answered ${this.inStep.new} calls in this step, the old one ${this.calls.old} in all; ${minCalls} of each are wanted.`;
  }
}

/** Whether chance could refuse by it: the others are no tests. */
function isTested({ metric, against }: MetricSpec): boolean {
  if (metric === 'call-rate') return against === 'old';
  return metric === 'errors' || metric === 'p99';
}

function judgeOf(spec: MetricSpec, minCalls: number, beside: boolean, alpha: number): MetricJudge {
  const compares = spec.against === 'old';
  switch (spec.metric) {
    case 'errors':
      return compares
        ? new Comparison(spec, errorCriterion, minCalls, beside, alpha)
        : new LimitTest(spec, errorCriterion, minCalls, alpha);
    case 'p99':
      return compares
        ? new Comparison(spec, new SlowerThanOld(spec, beside), minCalls, beside, alpha)
        : new LimitTest(spec, new SlowerThan(spec.threshold), minCalls, alpha);
    case 'call-rate':
      return compares ? new CallRateComparison(spec, minCalls, alpha) : new CallRateLimit(spec);
    case 'cpu':
    case 'queue-length':
      return new Gauge(spec);
  }
}

function verdictOf(score: number, abortAt: number, promising: boolean): Judgement['verdict'] {
  // Weights such as 0.1 and 0.2 do not sum up exactly.
  if (score >= abortAt * (1 - 1e-9)) return 'refuse';
  return promising ? 'promote' : 'wait';
}

function shown(
  { metric, against, threshold, weight }: MetricSpec,
  { pending: _, ...finding }: Finding,
): MetricJudgement {
  return { metric, against, threshold, weight, ...finding };
}
