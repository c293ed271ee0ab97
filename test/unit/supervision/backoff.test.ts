import fc from 'fast-check';
import { Backoff } from '../../../host/src/supervision/backoff';

/** The largest number below 1, which is the longest wait. */
const highest = () => 1 - Number.EPSILON / 2;

describe('the waits between restarts', () => {
  test('the first is none, whatever the dice say', () => {
    expect(new Backoff({ initialMs: 100, maxMs: 30_000, random: highest }).next()).toBe(0);
  });

  test('their bounds double up to the maximum', () => {
    const backoff = new Backoff({ initialMs: 100, maxMs: 1_000, random: () => 0.5 });
    const waits = Array.from({ length: 7 }, () => backoff.next());
    expect(waits).toEqual([0, 50, 100, 200, 400, 500, 500]);
    expect(backoff.tries).toBe(7);
  });

  test('jitter is full: from nothing to the bound', () => {
    let dice = 0;
    const backoff = new Backoff({ initialMs: 100, maxMs: 30_000, random: () => dice });
    backoff.next();
    expect(backoff.next()).toBe(0);
    dice = highest();
    expect(backoff.next()).toBe(199);
  });

  test('after a reset the next restart is immediate again', () => {
    const backoff = new Backoff({ initialMs: 100, maxMs: 30_000, random: highest });
    backoff.next();
    backoff.next();
    backoff.reset();
    expect(backoff.next()).toBe(0);
  });

  test('however often and with whatever numbers: whole, never above the maximum, never negative', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 5_000 }),
        fc.integer({ min: 5_000, max: 100_000 }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (initialMs, maxMs, dice) => {
          const backoff = new Backoff({ initialMs, maxMs, random: () => dice });
          for (let i = 0; i < 1_200; i += 1) {
            const wait = backoff.next();
            const bound = i === 0 ? 0 : Math.min(maxMs, initialMs * 2 ** Math.min(i - 1, 1_000));
            if (!(Number.isInteger(wait) && wait >= 0 && wait <= bound)) return false;
          }
          return true;
        },
      ),
      { numRuns: 50 },
    );
  });
});
