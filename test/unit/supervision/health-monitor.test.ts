import type { HealthAnswer } from '../../../host/src/connection/health';
import { type HealthOptions, resolveHealth } from '../../../host/src/instance/health-options';
import { HealthMonitor } from '../../../host/src/supervision/health-monitor';
import { StallMeter } from '../../../host/src/supervision/stall-meter';
import { ManualClock } from './manual-clock';

interface Probed {
  /** How long an answer takes, and what it is; undefined: there is none. */
  behave(): { ms: number; answer: HealthAnswer } | undefined;
}

const serving = { ms: 2, answer: { status: 'serving' } } as const;
const spec = (options: HealthOptions = {}) => {
  const resolved = resolveHealth(options);
  if (!resolved) throw new Error('health is on');
  return resolved;
};

/** Dice with a seed, so that a failure can be run again. */
function dice(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

function monitored(
  plugins: readonly Probed[],
  options: HealthOptions = {},
  random = dice(7),
  used: () => boolean = () => true,
) {
  const clock = new ManualClock();
  const stalls = new StallMeter({ clock });
  stalls.start();
  const told: string[] = [];
  const asked: number[] = [];
  let inFlight = 0;
  let mostInFlight = 0;
  const monitors = plugins.map((plugin, i) => {
    const monitor = new HealthMonitor({
      spec: spec(options),
      clock,
      stalls,
      random,
      used,
      probe: ({ timeoutMs, signal }) =>
        new Promise((resolve, reject) => {
          asked.push(clock.now());
          inFlight += 1;
          mostInFlight = Math.max(mostInFlight, inFlight);
          signal.addEventListener('abort', () => {
            inFlight -= 1;
            reject(new Error('aborted'));
          });
          // As grpc-js does: the deadline's timer gives up even if the answer lies in the socket.
          clock.after(timeoutMs, () => resolve({ status: 'failed', error: new Error('deadline') }));
          const behaviour = plugin.behave();
          if (behaviour) clock.arrive(behaviour.ms, () => resolve(behaviour.answer));
        }),
    });
    monitor.start((illness) => told.push(`${i} ${illness.kind} ${illness.failures}`));
    return monitor;
  });
  return { clock, stalls, told, asked, monitors, most: () => mostInFlight };
}

describe('a plugin that is asked how it is', () => {
  test('it is asked once in each interval, and nothing is told while it is well', async () => {
    const { clock, told, asked, most } = monitored([{ behave: () => serving }]);
    await clock.run(500_000);
    expect(asked.length).toBeGreaterThan(90);
    expect(asked.length).toBeLessThan(112);
    expect(most()).toBe(1);
    expect(told).toEqual([]);
  });

  test('one at rest is asked less often, and as often as others while there is a doubt', async () => {
    let hangs = false;
    const behave = () => (hangs ? undefined : serving);
    const { clock, told, asked } = monitored([{ behave }], {}, dice(7), () => false);
    await clock.run(600_000);
    expect(asked.length).toBeGreaterThan(8);
    expect(asked.length).toBeLessThan(13);
    hangs = true;
    await clock.run(66_000 + 2 * 5_500 + 2_100);
    expect(told).toEqual(['0 silent 3']);
  });

  test('somebody’s doubt brings the next question forward, but not sooner than the interval', async () => {
    const { clock, asked, monitors } = monitored([{ behave: () => serving }], {}, dice(7), () => false);
    await clock.run(6_000);
    const [first = 0] = asked;
    for (let i = 0; i < 1_000; i += 1) {
      for (const monitor of monitors) monitor.hurry();
      await clock.run(10);
    }
    const gaps = asked.slice(1).map((at, i) => at - (asked[i] ?? 0));
    expect(asked[1]).toBeLessThanOrEqual(Math.max(first + 5_000, 7_010));
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(5_000);
    expect(asked.length).toBeGreaterThanOrEqual(3);
  });

  test('one that was at rest and is called is asked as one at work, but not at once', async () => {
    const { clock, asked, monitors } = monitored([{ behave: () => serving }], {}, dice(7), () => false);
    await clock.run(30_000);
    expect(asked).toHaveLength(1);
    for (const monitor of monitors) monitor.wake();
    await clock.run(4_900);
    expect(asked).toHaveLength(1);
    await clock.run(200);
    expect(asked).toHaveLength(2);
  });

  test('a hundred of them do not beat in step, not even after a stop', async () => {
    const { clock, asked } = monitored(Array.from({ length: 100 }, () => ({ behave: () => serving })));
    await clock.run(20_000);
    await clock.stall(30_000);
    await clock.run(60_000);
    const since = clock.now() - 5_000;
    const moments = new Map<number, number>();
    for (const at of asked.filter((one) => one > since)) {
      const slot = Math.floor(at / 100);
      moments.set(slot, (moments.get(slot) ?? 0) + 1);
    }
    expect(Math.max(...moments.values())).toBeLessThan(20);
  });

  test('one that hangs is told of within the intervals, once, and not asked any more', async () => {
    let hangs = false;
    const { clock, told, asked } = monitored([{ behave: () => (hangs ? undefined : serving) }]);
    await clock.run(30_000);
    hangs = true;
    await clock.run(3 * 5_500 + 2_100);
    expect(told).toEqual(['0 silent 3']);
    const before = asked.length;
    await clock.run(100_000);
    expect(told).toEqual(['0 silent 3']);
    expect(asked).toHaveLength(before);
  });

  test('one that says it does not serve is told of, unless it changes its mind in time', async () => {
    let answer: HealthAnswer = { status: 'not-serving', reported: 'NOT_SERVING' };
    const { clock, told, asked } = monitored([{ behave: () => ({ ms: 2, answer }) }]);
    while (asked.length < 2) await clock.run(100);
    answer = { status: 'serving' };
    await clock.run(20_000);
    expect(told).toEqual([]);
    answer = { status: 'not-serving', reported: 'NOT_SERVING' };
    await clock.run(20_000);
    expect(told).toEqual(['0 not-serving 3']);
  });

  test('a probe that throws counts as failed', async () => {
    const { clock, told } = monitored([
      {
        behave: () => {
          throw new Error('no connection');
        },
      },
    ]);
    await clock.run(20_000);
    expect(told).toEqual(['0 failed 3']);
  });

  test('an answer that comes after the deadline is no answer', async () => {
    const { clock, told } = monitored([{ behave: () => ({ ...serving, ms: 2_500 }) }]);
    await clock.run(30_000);
    expect(told).toEqual(['0 silent 3']);
  });

  test('stopped, it asks and tells nothing more and leaves no timer of its own', async () => {
    const { clock, stalls, told, asked, monitors } = monitored([{ behave: () => undefined }]);
    await clock.run(11_000);
    const before = asked.length;
    for (const monitor of monitors) monitor.stop();
    stalls.stop();
    await clock.run(100_000);
    expect(asked).toHaveLength(before);
    expect(told).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  test('a listener may stop it', async () => {
    const clock = new ManualClock();
    const monitor = new HealthMonitor({
      spec: spec(),
      clock,
      stalls: { lateSince: () => 0, multiplier: 1 },
      probe: async () => ({ status: 'not-serving', reported: 'NOT_SERVING' }),
    });
    monitor.start(() => monitor.stop());
    await clock.run(60_000);
    expect(clock.pending).toBe(0);
  });
});

describe('a host that is late itself', () => {
  const twenty = () => Array.from({ length: 20 }, () => ({ behave: () => serving }));

  test.each([1, 2, 3])(
    'stopped for 30 s, ten times, it blames none of 20 plugins (dice %i)',
    async (seed) => {
      const random = dice(seed);
      const { clock, told } = monitored(twenty(), {}, random);
      for (let i = 0; i < 10; i += 1) {
        await clock.run(1 + Math.floor(random() * 12_000));
        await clock.stall(30_000);
      }
      await clock.run(60_000);
      expect(told).toEqual([]);
    },
  );

  test('stopped again and again with hardly a moment between, it blames none, with a single failure allowed', async () => {
    const random = dice(11);
    const { clock, told } = monitored(twenty(), { intervalMs: 1_000, timeoutMs: 100, failures: 1 }, random);
    for (let i = 0; i < 300; i += 1) {
      await clock.run(1 + Math.floor(random() * 400));
      await clock.stall(Math.floor(random() * 30_000));
    }
    await clock.run(10_000);
    expect(told).toEqual([]);
  });

  test('stopped for longer than a probe’s own deadline, it blames none', async () => {
    const { clock, told } = monitored(twenty(), { intervalMs: 1_000, timeoutMs: 100, failures: 1 });
    for (let i = 0; i < 20; i += 1) {
      await clock.run(1_111);
      await clock.stall(3_600_000);
    }
    expect(told).toEqual([]);
  });

  test('an answer that lies in the socket when the deadline comes is read first, however short the pause', async () => {
    const { clock, told, asked } = monitored([{ behave: () => ({ ...serving, ms: 1_980 }) }], {
      failures: 1,
    });
    while (asked.length === 0) await clock.run(1);
    await clock.run(1_960);
    // Too short for the meter to see: nothing but the order of timers and sockets.
    await clock.stall(45);
    await clock.run(1_000);
    expect(told).toEqual([]);
  });

  test('time that was lost is given back to a plugin that was stopped with its host', async () => {
    const { clock, told, asked } = monitored([{ behave: () => ({ ...serving, ms: 2_300 }) }], {
      failures: 1,
    });
    while (asked.length === 0) await clock.run(1);
    await clock.run(500);
    await clock.stall(490);
    await clock.run(3_000);
    expect(told).toEqual([]);
  });

  test('after a stop a plugin that hangs is still found', async () => {
    let hangs = false;
    const { clock, told } = monitored([{ behave: () => (hangs ? undefined : serving) }]);
    await clock.run(20_000);
    hangs = true;
    await clock.stall(30_000);
    await clock.run(60_000);
    expect(told).toEqual(['0 silent 3']);
  });

  test('a plugin that hangs is found by a host that is late all the time', async () => {
    const { clock, told } = monitored([{ behave: () => undefined }]);
    for (let i = 0; i < 4_000 && told.length === 0; i += 1) {
      await clock.run(30);
      await clock.stall(400);
    }
    expect(told).toEqual(['0 silent 3']);
  });
});
