import { Burstiness } from './burstiness';
import { Chapters } from './chapters';
import { type Criterion, SLOW_SHARE } from './criterion';
import type { Table } from './distribution';
import type { Excess } from './excess';
import { Looks } from './looks';
import { Methods } from './methods';
import type { EndedCall, Finding, MetricJudge } from './metric-judge';
import type { MetricSpec } from './rule';
import { oneIn, percent } from './wording';

type Counts = { -readonly [Field in keyof Table]: Table[Field] };

/** Bad calls of the new version against those of the old one: the same methods at the same times. */
export class Comparison implements MetricJudge {
  private readonly chapters: Chapters;
  private readonly bursts: Burstiness;
  private readonly looks: Looks;
  private tables = emptyTables();
  /** Of all time: the more there are, the more there is to look at. */
  private bad = 0;
  private provenAt: number | undefined;
  private pValue: number | undefined;

  constructor(
    private readonly spec: MetricSpec,
    private readonly criterion: Criterion,
    private readonly minCalls: number,
    private readonly beside: boolean,
    alpha: number,
  ) {
    this.chapters = new Chapters(spec.windowMs);
    this.looks = new Looks(alpha);
    this.bursts = new Burstiness(criterion.spread);
  }

  record(call: EndedCall): void {
    const bad = this.criterion.isBad(call);
    if (bad === undefined) return;
    const { side, at } = call;
    this.bursts.record(side, bad, at);
    const table = this.tables.of(call.method);
    table[`${side}Calls`] += 1;
    if (!bad) return;
    table[`${side}Bad`] += 1;
    this.bad += 1;
  }

  turn(now: number): void {
    this.criterion.turn?.();
    // One after the other has no time in common: all is one stratum.
    if (!this.beside) return;
    const excess = this.chapters.current(now);
    for (const table of this.tables.all()) excess.add(table);
    excess.fold();
    this.tables = emptyTables();
  }

  judge(now: number, enough: boolean): Finding {
    const excess = this.evidence(now);
    // Of those that count, too: a hundred streams say nothing of three unary calls.
    const compared = Math.min(excess.oldCalls, excess.newCalls) >= this.minCalls;
    const limit = enough && compared ? this.looks.next(this.bad, excess.logLeast) : undefined;
    if (limit !== undefined) {
      this.pValue = this.bursts.corrected(excess.chance());
      if (this.pValue <= limit && this.matters(excess)) this.provenAt = now;
    }
    const { windowMs = Number.POSITIVE_INFINITY } = this.spec;
    const measured = this.criterion.measured?.bind(this.criterion);
    // What was proven once stays so, as long as what proved it is remembered.
    const breached = this.provenAt !== undefined && now - this.provenAt <= windowMs;
    return {
      old: measured ? measured('old') : rate(excess.newBadAsOld, excess.newCalls),
      new: measured ? measured('new') : rate(excess.newBad, excess.newCalls),
      calls: { old: excess.oldCalls, new: excess.newCalls },
      breached,
      pValue: this.pValue,
      why: this.sentence(excess, breached),
    };
  }

  private evidence(now: number): Excess {
    const sum = this.chapters.sum(now);
    for (const table of this.tables.all()) sum.add(table);
    return sum;
  }

  /** Beside being no chance the difference has to be as great as the rule says. */
  private matters({ newBad, newBadAsOld, newCalls }: Excess): boolean {
    if (this.spec.metric === 'p99') return newBad > SLOW_SHARE * newCalls;
    return newBad - newBadAsOld > this.spec.threshold * newCalls;
  }

  private sentence({ newBad, newBadAsOld, newCalls, oldCalls }: Excess, breached: boolean): string {
    if (newCalls === 0) return 'There are no calls of both versions yet to compare.';
    const { metric, threshold } = this.spec;
    const what = metric === 'p99' ? `took longer than ${threshold} times the old one’s p99` : 'failed';
    const said =
      `Of ${newCalls} calls of the new version ${percent(newBad / newCalls)} ${what}, ` +
      `of ${oldCalls} of the old one ${this.beside ? 'at the same time' : 'before'} ${percent(newBadAsOld / newCalls)}`;
    if (breached) return `${said}; chance alone does that ${oneIn(this.pValue)}.`;
    return `${said}, which is no proof.`;
  }
}

function emptyTables(): Methods<Counts> {
  return new Methods(() => ({ oldCalls: 0, newCalls: 0, oldBad: 0, newBad: 0 }));
}

function rate(bad: number, calls: number): number | undefined {
  return calls === 0 ? undefined : bad / calls;
}
