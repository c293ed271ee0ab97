import { binomial, blindDraw, chanceFrom, sumOf } from '../../../host/src/analysis/distribution';
import { Excess } from '../../../host/src/analysis/excess';
import { LatencyHistogram } from '../../../host/src/analysis/latency-histogram';
import { Looks } from '../../../host/src/analysis/looks';

const table = (oldBad: number, oldCalls: number, newBad: number, newCalls: number) => ({
  oldCalls,
  newCalls,
  oldBad,
  newBad,
});

function excessOf(...tables: ReturnType<typeof table>[]): Excess {
  const excess = new Excess();
  for (const one of tables) excess.add(one);
  return excess;
}

describe('the exact test', () => {
  test("Fisher's lady, who tells three of four cups, may well have guessed", () => {
    expect(excessOf(table(1, 4, 3, 4)).chance()).toBeCloseTo(17 / 70, 12);
    expect(excessOf(table(0, 4, 4, 4)).chance()).toBeCloseTo(1 / 70, 12);
  });

  test('strata count together, each compared with itself alone', () => {
    // By hand: both draws have to be the new side's, one in 5 and one in 2.
    expect(excessOf(table(0, 4, 1, 1), table(0, 3, 1, 3)).chance()).toBeCloseTo(1 / 10, 12);
    // Taken together the new side looks much worse: it has more calls of the bad stratum.
    const simpson = excessOf(table(1, 100, 9, 900), table(270, 900, 30, 100));
    expect(simpson.chance()).toBeGreaterThan(0.4);
  });

  test('calls of one side alone, and strata where all or none are bad, say nothing', () => {
    const excess = excessOf(table(0, 0, 50, 50), table(0, 50, 0, 50), table(7, 7, 3, 3));
    expect([excess.chance(), excess.logLeast]).toEqual([1, 0]);
  });

  test('the least possible chance is that of all bad calls being the new side’s', () => {
    for (const one of [table(0, 30, 4, 20), table(2, 30, 20, 20)]) {
      const excess = excessOf(one);
      expect(Math.exp(excess.logLeast)).toBeCloseTo(excess.chance(), 12);
    }
  });

  test('what was folded or summed is what it was', () => {
    const [a, b] = [table(3, 90, 5, 40), table(1, 200, 6, 100)];
    const whole = excessOf(a, b);
    const folded = excessOf(a);
    folded.fold();
    expect(folded.plus(excessOf(b)).chance()).toBeCloseTo(whole.chance(), 12);
  });

  test('a great many bad calls take no more room, and mean the same', () => {
    const excess = new Excess();
    for (let i = 0; i < 100; i++) {
      excess.add(table(100_000, 1_000_000, 100_000, 1_000_000));
      if (i % 50 === 0) excess.fold();
    }
    expect(excess.chance()).toBe(1);
    excess.add(table(85_000, 1_000_000, 115_000, 1_000_000));
    // By the normal distribution the excess of 15,000 is more than seven of its standard deviations.
    expect(excess.chance()).toBeLessThan(1e-10);
    expect(excess.chance()).toBeGreaterThan(1e-14);
  });

  test('chances sum up to one, and tails to what they are', () => {
    const both = sumOf(blindDraw(table(40, 900, 60, 1_100)), binomial(300, 0.07));
    expect(chanceFrom(both, 0)).toBeCloseTo(1, 12);
    expect(chanceFrom(binomial(10, 0.5), 9)).toBeCloseTo(11 / 1024, 12);
    expect(chanceFrom(binomial(1_000_000, 0.01), 9_000)).toBeCloseTo(1, 9);
  });
});

describe('looks', () => {
  test('all looks together spend no more than there is, and none is taken in vain', () => {
    const looks = new Looks(0.001);
    let spent = 0;
    let taken = 0;
    for (let evidence = 1; evidence < 2_000; evidence++) {
      expect(looks.next(evidence, Math.log(0.01))).toBeUndefined();
      const limit = looks.next(evidence, -100);
      if (limit !== undefined) taken += 1;
      spent += limit ?? 0;
      // Asked again with no more evidence.
      expect(looks.next(evidence, -100)).toBeUndefined();
    }
    expect(taken).toBeGreaterThan(15);
    expect(spent).toBeLessThan(0.001);
  });
});

describe('latencies', () => {
  test('a quantile is found to 2 %, whatever the size of latencies', () => {
    for (const scale of [0.1, 10, 10_000]) {
      const histogram = new LatencyHistogram();
      for (let i = 1; i <= 1_000; i++) histogram.add((i / 1_000) * scale);
      const p99 = histogram.quantile(0.99) ?? 0;
      expect(Math.abs(p99 / (0.99 * scale) - 1)).toBeLessThan(0.025);
    }
  });

  test('what is long past fades', () => {
    const histogram = new LatencyHistogram();
    for (let i = 0; i < 10_000; i++) histogram.add(1);
    for (let i = 0; i < 300_000; i++) histogram.add(100);
    expect(histogram.quantile(0.1)).toBeGreaterThan(90);
    expect(histogram.count).toBeLessThan(20_001);
  });
});
