import { Looks } from './looks';
import type { EndedCall, Finding, MetricJudge } from './metric-judge';
import type { MetricSpec } from './rule';
import { SlidingSums } from './sliding-sums';
import { amount, oneIn } from './wording';

/**
 * How many calls come to the new version, against what its share of the traffic lets expect: callers turn away from
 * one, or call again and again. Not for traffic that sticks to one side.
 */
export class CallRateComparison implements MetricJudge {
  private readonly windowMs: number;
  private readonly calls: SlidingSums;
  /** Of the calls that came where traffic is split. `new`: what the old one's calls let expect; `old`: its variance. */
  private readonly expected: SlidingSums;
  private readonly split: SlidingSums;
  private readonly looks: Looks;
  private odds: number | undefined;
  private total = 0;
  private provenAt: number | undefined;
  private pValue: number | undefined;

  constructor(
    private readonly spec: MetricSpec,
    private readonly minCalls: number,
    alpha: number,
  ) {
    this.windowMs = spec.windowMs ?? 60_000;
    this.calls = new SlidingSums(this.windowMs);
    this.expected = new SlidingSums(this.windowMs);
    this.split = new SlidingSums(this.windowMs);
    this.looks = new Looks(alpha);
  }

  shares(_now: number, percentNew: number): void {
    // All to one side: nothing to compare with.
    this.odds = percentNew > 0 && percentNew < 100 ? percentNew / (100 - percentNew) : undefined;
  }

  record({ side, at }: EndedCall): void {
    this.calls.add(side, 1, at);
    if (this.odds === undefined) return;
    this.total += 1;
    this.split.add(side, 1, at);
    if (side === 'new') return;
    this.expected.add('new', this.odds, at);
    this.expected.add('old', this.odds ** 2, at);
  }

  judge(now: number): Finding {
    const split = this.split.sums(now);
    const { new: expected, old: variance } = this.expected.sums(now);
    const { threshold, breach } = this.spec;
    const enough = Math.min(expected, split.old) >= this.minCalls;
    const limit = enough ? this.looks.next(this.total, Number.NEGATIVE_INFINITY) : undefined;
    if (limit !== undefined) {
      const beyond = (breach === 'above' ? 1 : -1) * (split.new - threshold * expected);
      const z = (beyond - 0.5) / Math.sqrt(threshold * expected + threshold ** 2 * variance);
      this.pValue = z > 0 ? Math.exp((-z * z) / 2) / 2 : 1;
      if (this.pValue <= limit) this.provenAt = now;
    }
    const breached = this.provenAt !== undefined && now - this.provenAt <= this.windowMs;
    const calls = this.calls.sums(now);
    const said = `The new version got ${calls.new} calls where ${amount(expected)} were to be expected`;
    return {
      old: (1_000 * calls.old) / this.windowMs,
      new: (1_000 * calls.new) / this.windowMs,
      calls,
      breached,
      pValue: this.pValue,
      why: breached ? `${said}; chance alone does that ${oneIn(this.pValue)}.` : `${said}.`,
    };
  }
}

/** How many calls a second come to the new version, against a limit: breached if they did so all the time. */
export class CallRateLimit implements MetricJudge {
  private readonly windowMs: number;
  private readonly calls: SlidingSums;
  /** Since when the new version has a share of the calls. */
  private since: number | undefined;

  constructor(private readonly spec: MetricSpec) {
    this.windowMs = spec.windowMs ?? 60_000;
    this.calls = new SlidingSums(this.windowMs);
  }

  shares(now: number, percentNew: number): void {
    if (percentNew > 0) this.since ??= now;
    else this.since = undefined;
  }

  record({ side, at }: EndedCall): void {
    this.calls.add(side, 1, at);
  }

  judge(now: number): Finding {
    const { threshold, breach } = this.spec;
    const pending = this.since === undefined || now - this.since < this.windowMs;
    const beyond = (rate: number) => (breach === 'above' ? rate > threshold : rate < threshold);
    const parts = [0, 1, 2].map((i) => this.calls.sums(now, i / 3, (i + 1) / 3).new);
    const breached = !pending && parts.every((calls) => beyond((3_000 * calls) / this.windowMs));
    const calls = this.calls.sums(now);
    const rate = (1_000 * calls.new) / this.windowMs;
    return {
      old: (1_000 * calls.old) / this.windowMs,
      new: rate,
      calls,
      breached,
      pending,
      pValue: undefined,
      why: pending
        ? 'The new version does not have calls for long enough to tell how many come.'
        : `${amount(rate)} calls a second came to the new version; ${amount(threshold)} is the limit.`,
    };
  }
}
