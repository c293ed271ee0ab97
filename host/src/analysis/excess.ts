import { blindDraw, chanceFrom, type Distribution, sumOf, type Table } from './distribution';

/** Distributions that spread wider are as good as normal. */
const MAX_WIDTH = 1_024;

/** Beyond so many bad calls in a table nobody needs to know how unlikely it is that all are the new side's. */
const MAX_FACTORS = 1_000;

const certain: Distribution = { from: 0, chances: Float64Array.of(1) };

/**
 * Whether the new side has more of the bad calls than chance gives it, over many tables: each is of one method at
 * one time, and is compared with itself alone, so that neither a bad minute that both had nor another mix of methods
 * makes a difference. It takes the same room however many tables it has seen.
 */
export class Excess {
  oldCalls = 0;
  newCalls = 0;
  oldBad = 0;
  newBad = 0;
  /** Of the new side's calls, those that would be bad if it did as the old one in the same table. */
  newBadAsOld = 0;
  /** Natural logarithm of the least chance that {@link chance} could give: that all bad calls are the new side's. */
  logLeast = 0;
  private mean = 0;
  private variance = 0;
  private drawn = 0;
  /** Whose sum is what chance gives; undefined is one too wide. Tables are drawn when somebody asks: most looks don't. */
  private parts: (Distribution | Table | undefined)[] = [];

  /** A table with calls of one side alone compares nothing, and is passed over. */
  add(table: Table): void {
    const { oldCalls, newCalls, oldBad, newBad } = table;
    if (oldCalls === 0 || newCalls === 0) return;
    this.oldCalls += oldCalls;
    this.newCalls += newCalls;
    this.oldBad += oldBad;
    this.newBad += newBad;
    this.newBadAsOld += (newCalls * oldBad) / oldCalls;
    const [calls, bad] = [oldCalls + newCalls, oldBad + newBad];
    // Where none or all are bad each side has the same, whoever is worse.
    if (bad === 0 || bad === calls) return;
    this.drawn += newBad;
    this.mean += (bad * newCalls) / calls;
    this.variance += (bad * newCalls * oldCalls * (calls - bad)) / (calls * calls * (calls - 1));
    this.logLeast += logOfAllNew(bad, newCalls, calls);
    this.parts.push({ oldCalls, newCalls, oldBad, newBad });
  }

  /** Takes less room from now on. */
  fold(): void {
    this.parts = [this.exact()];
  }

  /** Both together, as a third one. */
  plus(other: Excess): Excess {
    const sum = new Excess();
    for (const one of [this, other]) {
      sum.oldCalls += one.oldCalls;
      sum.newCalls += one.newCalls;
      sum.oldBad += one.oldBad;
      sum.newBad += one.newBad;
      sum.newBadAsOld += one.newBadAsOld;
      sum.logLeast += one.logLeast;
      sum.mean += one.mean;
      sum.variance += one.variance;
      sum.drawn += one.drawn;
      sum.parts.push(...one.parts);
    }
    return sum;
  }

  /** How likely the new side has so many of the bad calls, or more, if it is as good as the old one. */
  chance(): number {
    const exact = this.exact();
    if (exact) return chanceFrom(exact, this.drawn);
    // With continuity correction. The bound, which is never below the normal distribution's tail, is good enough.
    const z = (this.drawn - this.mean - 0.5) / Math.sqrt(this.variance);
    return z > 0 ? Math.exp((-z * z) / 2) / 2 : 1;
  }

  private exact(): Distribution | undefined {
    let sum = certain;
    for (const part of this.parts) {
      if (part === undefined) return undefined;
      sum = sumOf(sum, 'chances' in part ? part : blindDraw(part));
      if (sum.chances.length > MAX_WIDTH) return undefined;
    }
    return sum;
  }
}

function logOfAllNew(bad: number, newCalls: number, calls: number): number {
  if (bad > MAX_FACTORS) return Number.NEGATIVE_INFINITY;
  let log = 0;
  // Where there are more bad calls than the new side has calls, all of its own are bad.
  const factors = Math.min(bad, newCalls);
  const drawnFrom = Math.max(bad, newCalls);
  for (let i = 0; i < factors; i++) log += Math.log((drawnFrom - i) / (calls - i));
  return log;
}
