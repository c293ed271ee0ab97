/** Chances of a whole number: `chances[i]` is that of `from + i`. */
export interface Distribution {
  readonly from: number;
  readonly chances: Float64Array;
}

/** Of calls of one method at one time, how many were on each side, and how many of each side were bad. */
export interface Table {
  readonly oldCalls: number;
  readonly newCalls: number;
  readonly oldBad: number;
  readonly newBad: number;
}

/** Nothing less likely than this is kept. */
const NEGLIGIBLE = 1e-20;

/**
 * How many of the bad calls are the new side's, if it makes no difference on which side a call is: as if they were
 * drawn from all calls blindly. The hypergeometric distribution, on which Fisher's exact test rests.
 */
export function blindDraw({ oldCalls, newCalls, oldBad, newBad }: Table): Distribution {
  const bad = oldBad + newBad;
  const least = Math.max(0, bad - oldCalls);
  const most = Math.min(bad, newCalls);
  const mode = Math.floor(((bad + 1) * (newCalls + 1)) / (oldCalls + newCalls + 2));
  const ratio = (x: number) => ((bad - x) * (newCalls - x)) / ((x + 1) * (oldCalls - bad + x + 1));
  return fromRatios(Math.min(most, Math.max(least, mode)), least, most, ratio);
}

/** How many of so many calls are bad, each with this chance, between 0 and 1. */
export function binomial(calls: number, chance: number): Distribution {
  const odds = chance / (1 - chance);
  const mode = Math.min(calls, Math.floor((calls + 1) * chance));
  return fromRatios(mode, 0, calls, (x) => ((calls - x) / (x + 1)) * odds);
}

/** Of the sum of two numbers that have nothing to do with each other. */
export function sumOf(a: Distribution, b: Distribution): Distribution {
  const chances = new Float64Array(a.chances.length + b.chances.length - 1);
  for (let i = 0; i < a.chances.length; i++) {
    const chance = a.chances[i] ?? 0;
    for (let j = 0; j < b.chances.length; j++) {
      chances[i + j] = (chances[i + j] ?? 0) + chance * (b.chances[j] ?? 0);
    }
  }
  return trimmed({ from: a.from + b.from, chances });
}

/** How likely the number is `value` or greater. */
export function chanceFrom({ from, chances }: Distribution, value: number): number {
  let sum = 0;
  // The small ones first, for the sake of precision.
  for (let i = chances.length - 1; i >= Math.max(0, value - from); i--) sum += chances[i] ?? 0;
  return Math.min(1, sum);
}

/**
 * Each chance from its neighbour, beginning with the likeliest: nothing overflows, and tails are left out.
 *
 * @param ratio how much likelier `x + 1` is than `x`
 */
function fromRatios(mode: number, least: number, most: number, ratio: (x: number) => number): Distribution {
  const below: number[] = [];
  for (let x = mode - 1, chance = 1; x >= least; x--) {
    chance /= ratio(x);
    if (chance < NEGLIGIBLE) break;
    below.push(chance);
  }
  const above: number[] = [];
  for (let x = mode, chance = 1; x < most; x++) {
    chance *= ratio(x);
    if (chance < NEGLIGIBLE) break;
    above.push(chance);
  }
  const relative = Float64Array.from([...below.reverse(), 1, ...above]);
  const sum = relative.reduce((a, b) => a + b, 0);
  return { from: mode - below.length, chances: relative.map((chance) => chance / sum) };
}

/** Without its outermost tails: sums of many would grow without end. */
function trimmed({ from, chances }: Distribution): Distribution {
  let begin = 0;
  let end = chances.length;
  while (end - begin > 1 && (chances[begin] ?? 0) < NEGLIGIBLE) begin++;
  while (end - begin > 1 && (chances[end - 1] ?? 0) < NEGLIGIBLE) end--;
  return { from: from + begin, chances: chances.slice(begin, end) };
}
