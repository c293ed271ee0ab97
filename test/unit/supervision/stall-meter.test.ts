import fc from 'fast-check';
import { MAX_MULTIPLIER, StallMeter } from '../../../host/src/supervision/stall-meter';
import { ManualClock } from './manual-clock';

const measured = async () => {
  const clock = new ManualClock();
  const meter = new StallMeter({ clock, intervalMs: 100 });
  meter.start();
  await clock.run(1_000);
  return { clock, meter };
};

describe('how late the host is', () => {
  test('a loop on time is not late', async () => {
    const { clock, meter } = await measured();
    const since = clock.now();
    await clock.run(60_000);
    expect(meter.lateSince(since)).toBe(0);
    expect(meter.figures()).toMatchObject({ stalls: 0, lateMs: 0, multiplier: 1 });
  });

  test('a stop of 30 s is counted but for one interval, and before the meter’s own timer has come', async () => {
    const { clock, meter } = await measured();
    const since = clock.now();
    let seenByAnEarlierTimer = 0;
    clock.after(1, () => {
      seenByAnEarlierTimer = meter.lateSince(since);
    });
    await clock.stall(30_000);
    expect(seenByAnEarlierTimer).toBeGreaterThanOrEqual(29_900);
    expect(meter.lateSince(since)).toBe(seenByAnEarlierTimer);
    expect(meter.multiplier).toBe(MAX_MULTIPLIER);
  });

  test('only the part of a stall that lies in the window counts', async () => {
    const { clock, meter } = await measured();
    const before = clock.now();
    await clock.stall(10_000);
    const after = clock.now();
    await clock.run(500);
    expect(meter.lateSince(after - 1_000)).toBe(1_000);
    expect(meter.lateSince(after)).toBe(0);
    expect(meter.lateSince(before)).toBe(9_900);
  });

  test('a short pause, as of a garbage collection, is no stall', async () => {
    const { clock, meter } = await measured();
    await clock.stall(140);
    expect(meter.figures().stalls).toBe(0);
  });

  test('what was on its way when the machine slept counts for nothing', async () => {
    const { clock, meter } = await measured();
    const since = clock.now();
    await clock.run(300);
    clock.sleep(8 * 3_600_000);
    expect(meter.lateSince(since)).toBe(300);
    await clock.run(1_000);
    expect(meter.lateSince(since)).toBe(300);
    expect(meter.figures()).toMatchObject({ sleeps: 1, multiplier: MAX_MULTIPLIER });
  });

  test('a wall clock that is set back is no sleep', async () => {
    const { clock, meter } = await measured();
    const since = clock.now();
    clock.sleep(-3_600_000);
    await clock.run(1_000);
    expect(meter.lateSince(since)).toBe(0);
    expect(meter.figures().sleeps).toBe(0);
  });

  test('trust is lost at once and comes back step by step', async () => {
    const { clock, meter } = await measured();
    await clock.stall(1_000);
    const lost = meter.multiplier;
    expect(lost).toBeGreaterThan(1);
    expect(lost).toBeLessThan(MAX_MULTIPLIER);
    const steps = [lost];
    for (let i = 0; i < 20; i += 1) {
      await clock.run(1_000);
      if (meter.multiplier !== steps.at(-1)) steps.push(meter.multiplier);
    }
    expect(steps).toEqual(Array.from({ length: lost }, (_, i) => lost - i));
  });

  test('a loop that is late again and again is trusted less and less', async () => {
    const { clock, meter } = await measured();
    for (let i = 0; i < 20; i += 1) {
      await clock.stall(250);
    }
    expect(meter.multiplier).toBe(MAX_MULTIPLIER);
  });

  test('stopped, it leaves no timer and says nothing', async () => {
    const { clock, meter } = await measured();
    meter.stop();
    await clock.stall(5_000);
    expect(clock.pending).toBe(0);
    expect(meter.lateSince(0)).toBe(0);
  });

  test('lateness is never negative, never more than the time, and less the later one asks from', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.constantFrom('run', 'stall', 'sleep'), fc.integer({ min: 1, max: 5_000 })), {
          maxLength: 20,
        }),
        async (steps) => {
          const { clock, meter } = await measured();
          const marks = [clock.now()];
          for (const [what, ms] of steps) {
            if (what === 'run') await clock.run(ms);
            else if (what === 'stall') await clock.stall(ms);
            else clock.sleep(ms);
            marks.push(clock.now());
          }
          const lates = marks.map((mark) => meter.lateSince(mark));
          lates.forEach((late, i) => {
            expect(late).toBeGreaterThanOrEqual(0);
            expect(late).toBeLessThanOrEqual(clock.now() - (marks[i] ?? 0));
            expect(late).toBeLessThanOrEqual(lates[i - 1] ?? Number.POSITIVE_INFINITY);
          });
        },
      ),
      { numRuns: 50 },
    );
  });
});

test('a real loop that is blocked is seen, and by a timer that comes before the meter’s', async () => {
  const meter = new StallMeter({ intervalMs: 100 });
  meter.start();
  try {
    const since = performance.now();
    const seen = new Promise<number>((resolve) => setTimeout(() => resolve(meter.lateSince(since)), 1));
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 600);
    expect(await seen).toBeGreaterThanOrEqual(450);
  } finally {
    meter.stop();
  }
});
