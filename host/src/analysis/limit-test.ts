import { Burstiness } from './burstiness';
import { type Criterion, SLOW_SHARE } from './criterion';
import { binomial, chanceFrom } from './distribution';
import { Looks } from './looks';
import type { EndedCall, Finding, MetricJudge } from './metric-judge';
import type { MetricSpec } from './rule';
import { SlidingSums } from './sliding-sums';
import { amount, oneIn, percent } from './wording';

/** Bad calls of the new version against a limit of their share, whatever the old one does. */
export class LimitTest implements MetricJudge {
  private readonly calls: SlidingSums;
  private readonly bad: SlidingSums;
  private readonly bursts: Burstiness;
  private readonly looks: Looks;
  private readonly limit: number;
  private readonly windowMs: number;
  private newCalls = 0;
  private provenAt: number | undefined;
  private pValue: number | undefined;

  constructor(
    private readonly spec: MetricSpec,
    private readonly criterion: Criterion,
    private readonly minCalls: number,
    alpha: number,
  ) {
    this.windowMs = spec.windowMs ?? 60_000;
    this.calls = new SlidingSums(this.windowMs);
    this.bad = new SlidingSums(this.windowMs);
    this.looks = new Looks(alpha);
    this.bursts = new Burstiness(criterion.spread);
    this.limit = spec.metric === 'p99' ? SLOW_SHARE : spec.threshold;
  }

  record(call: EndedCall): void {
    const bad = this.criterion.isBad(call);
    if (bad === undefined) return;
    const { side, at } = call;
    this.bursts.record(side, bad, at);
    this.calls.add(side, 1, at);
    if (bad) this.bad.add(side, 1, at);
    if (side === 'new') this.newCalls += 1;
  }

  judge(now: number, enough: boolean): Finding {
    const calls = this.calls.sums(now);
    const bad = this.bad.sums(now);
    const least = calls.new * Math.log(this.limit);
    const limit = enough && calls.new >= this.minCalls ? this.looks.next(this.newCalls, least) : undefined;
    if (limit !== undefined) {
      // More than no errors at all is one: that needs no test.
      const chance =
        this.limit === 0 ? zeroOrOne(bad.new === 0) : chanceFrom(binomial(calls.new, this.limit), bad.new);
      this.pValue = this.limit === 0 ? chance : this.bursts.corrected(chance);
      if (this.pValue <= limit) this.provenAt = now;
    }
    const breached = this.provenAt !== undefined && now - this.provenAt <= this.windowMs;
    const measured = this.criterion.measured?.bind(this.criterion);
    const share = (side: 'old' | 'new') => (calls[side] === 0 ? undefined : bad[side] / calls[side]);
    return {
      old: measured ? measured('old') : share('old'),
      new: measured ? measured('new') : share('new'),
      calls,
      breached,
      pValue: this.pValue,
      why: this.sentence(share('new'), calls.new, breached),
    };
  }

  private sentence(share: number | undefined, calls: number, breached: boolean): string {
    if (share === undefined) return 'The new version has answered no calls lately that count.';
    const { metric, threshold } = this.spec;
    const what = metric === 'p99' ? `took longer than ${amount(threshold)} ms` : 'failed';
    const said = `Of ${calls} calls of the new version ${percent(share)} ${what}, ${percent(this.limit)} may`;
    return breached ? `${said}; chance alone does that ${oneIn(this.pValue)}.` : `${said}: no proof of more.`;
  }
}

function zeroOrOne(one: boolean): number {
  return one ? 1 : 0;
}
