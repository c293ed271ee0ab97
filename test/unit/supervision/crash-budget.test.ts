import fc from 'fast-check';
import { CrashBudget } from '../../../host/src/supervision/crash-budget';

describe('the crash budget', () => {
  test('so many are borne, one more is not', () => {
    const budget = new CrashBudget({ crashes: 2, withinMs: 1_000 });
    expect([0, 10, 20].map((now) => budget.record(now))).toEqual(['within', 'within', 'exhausted']);
  });

  test('a crash that lies behind the window counts no more', () => {
    const budget = new CrashBudget({ crashes: 2, withinMs: 1_000 });
    expect([0, 999, 1_000, 1_998].map((now) => budget.record(now))).toEqual([
      'within',
      'within',
      'within',
      'exhausted',
    ]);
    expect(budget.count(3_000)).toBe(0);
  });

  test('a budget of none is exhausted by the first', () => {
    expect(new CrashBudget({ crashes: 0, withinMs: 1_000 }).record(5)).toBe('exhausted');
  });

  test('a reset gives all of it back', () => {
    const budget = new CrashBudget({ crashes: 1, withinMs: 1_000 });
    budget.record(0);
    budget.record(1);
    budget.reset();
    expect(budget.record(2)).toBe('within');
  });

  test('it is exhausted exactly where the window holds more crashes than are borne', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 6 }),
        fc.integer({ min: 1, max: 100 }),
        fc.array(fc.integer({ min: 0, max: 60 }), { maxLength: 60 }),
        (crashes, withinMs, gaps) => {
          const budget = new CrashBudget({ crashes, withinMs });
          const times: number[] = [];
          let now = 0;
          for (const gap of gaps) {
            now += gap;
            times.push(now);
            const inWindow = times.filter((time) => now - time < withinMs).length;
            expect(budget.record(now)).toBe(inWindow > crashes ? 'exhausted' : 'within');
          }
        },
      ),
    );
  });
});
