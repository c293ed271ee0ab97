import { status } from '@grpc/grpc-js';
import { Analysis } from '../../../host/src/analysis/analysis';
import type { Side } from '../../../host/src/analysis/judgement';
import { type AnalysisRule, resolveAnalysis } from '../../../host/src/analysis/rule';
import { simulate } from './simulation';
import { equalWorlds, worseWorlds } from './worlds';

/** An analysis with its own clock: calls 5 ms apart. */
class Bench {
  now = 1_000_000;
  readonly analysis: Analysis;

  constructor(rule: AnalysisRule = {}, old: 'beside' | 'before' = 'beside') {
    this.analysis = new Analysis(resolveAnalysis('analysis', rule), this.now, old);
  }

  call(side: Side, code = status.OK, elapsedMs: number | undefined = 5, method = '/s/m'): this {
    this.now += 5;
    this.analysis.record(side, method, code, elapsedMs, this.now);
    return this;
  }

  /** So many calls of each side, every n-th of the new one's with this status. */
  both(calls: number, code = status.OK, every = 1, elapsedMs = 5): this {
    for (let i = 1; i <= calls; i++) {
      this.call('old').call('new', i % every === 0 ? code : status.OK, i % every === 0 ? elapsedMs : 5);
    }
    return this;
  }

  look() {
    return this.analysis.look(this.now);
  }
}

describe('an equal version', () => {
  test.each(Object.entries(equalWorlds))('is not refused: %s', (_, world) => {
    for (const seed of [1, 2]) {
      const { judgement } = simulate({ ...world(30, seed), callsPerSecond: 60 }, seed, 5_000);
      expect(judgement.verdict).not.toBe('refuse');
    }
  });

  test('is promoted when each side has answered enough, in this step too', () => {
    const bench = new Bench().both(49);
    expect(bench.look().verdict).toBe('wait');
    expect(bench.both(1).look().verdict).toBe('promote');
    bench.analysis.beginStep();
    expect(bench.both(49).look()).toMatchObject({ verdict: 'wait', calls: { new: 49 } });
    expect(bench.both(1).look().verdict).toBe('promote');
  });
});

describe('a worse version', () => {
  test.each(Object.entries(worseWorlds))('is refused: %s', (_, world) => {
    for (const seed of [1, 2]) expect(simulate(world(25), seed, 30_000).judgement.verdict).toBe('refuse');
  });

  test('is refused for good, with a reason for people', () => {
    const bench = new Bench().both(400, status.INTERNAL, 5);
    const refusal = bench.look();
    expect(refusal).toMatchObject({ verdict: 'refuse', score: 1 });
    expect(refusal.why).toMatch(/Of \d+ calls of the new version [\d.]+ % failed/);
    expect(bench.both(4_000).look()).toBe(refusal);
  });

  test('is not refused on three calls, nor on any number of one side alone', () => {
    const bench = new Bench({ metrics: [{ metric: 'errors' }] });
    for (let i = 0; i < 500; i++) bench.call('old');
    for (let i = 0; i < 3; i++) bench.call('new', status.INTERNAL);
    expect(bench.look().verdict).toBe('wait');
    const alone = new Bench();
    for (let i = 0; i < 3_000; i++) alone.call('new', status.INTERNAL);
    expect(alone.look().verdict).toBe('wait');
  });

  test('is not found by errors that both have, nor by calls that callers gave up', () => {
    const bench = new Bench();
    for (let i = 0; i < 1_000; i++) bench.call('old', status.INTERNAL).call('new', status.INTERNAL);
    expect(bench.look().verdict).toBe('promote');
    expect(new Bench().both(1_000, status.CANCELLED).look().verdict).toBe('promote');
  });

  test('a single burst proves nothing', () => {
    const bench = new Bench().both(400);
    for (let i = 0; i < 40; i++) bench.call('new', status.UNAVAILABLE);
    expect(bench.both(400).look().verdict).toBe('promote');
  });

  test('calls that end at their deadline are slow ones', () => {
    const bench = new Bench({ metrics: [{ metric: 'p99' }] }).both(400);
    bench.analysis.shares(bench.now, 50);
    expect(bench.both(1_500, status.DEADLINE_EXCEEDED, 20, 3).look().verdict).toBe('refuse');
  });

  test('streams and quick errors say nothing of latency', () => {
    const bench = new Bench({ metrics: [{ metric: 'p99' }] }).both(400);
    bench.analysis.shares(bench.now, 50);
    for (let i = 0; i < 1_500; i++) {
      bench.call('old').call('new', status.INTERNAL, 900);
      bench.analysis.record('new', '/s/m', status.OK, undefined, bench.now);
    }
    expect(bench.look().metrics[0]).toMatchObject({ breached: false });
  });
});

describe('weights', () => {
  const metrics = [
    { metric: 'errors', weight: 0.5 },
    { metric: 'errors', against: 'absolute', threshold: 0.01, weight: 0.5 },
  ] as const;

  test('breaches refuse together what one alone does not', () => {
    expect(new Bench({ metrics }).both(600, status.INTERNAL, 5).look()).toMatchObject({
      verdict: 'refuse',
      score: 1,
    });
    const both = new Bench({ metrics });
    for (let i = 0; i < 800; i++) {
      const code = i % 5 === 0 ? status.INTERNAL : status.OK;
      both.call('old', code).call('new', code);
    }
    // Only the absolute one: the old version is no better.
    expect(both.look()).toMatchObject({ verdict: 'wait', score: 0.5 });
  });

  test('a breach below the sum that is given lets it be promoted', () => {
    const bench = new Bench({ metrics: metrics.slice(0, 1), promoteBelow: 0.6 });
    expect(bench.both(600, status.INTERNAL, 5).look()).toMatchObject({ verdict: 'promote', score: 0.5 });
  });
});

describe('absolute limits', () => {
  test('a p99 within the limit passes, one beyond is refused, whatever the old one does', () => {
    const rule: AnalysisRule = { metrics: [{ metric: 'p99', against: 'absolute', threshold: 50 }] };
    expect(new Bench(rule).both(1_000, status.OK, 20, 40).look().verdict).toBe('promote');
    expect(new Bench(rule).both(1_000, status.OK, 20, 60).look().verdict).toBe('refuse');
  });

  test('a single error is too many where none may be', () => {
    const rule: AnalysisRule = { metrics: [{ metric: 'errors', against: 'absolute', threshold: 0 }] };
    expect(new Bench(rule).both(100).call('new', status.INTERNAL).look().verdict).toBe('refuse');
  });
});

describe('the call rate', () => {
  const rule: AnalysisRule = { metrics: [{ metric: 'call-rate' }] };

  test.each([
    [25, 'promote'],
    [6, 'refuse'],
  ])('of calls of which a quarter is due, %d in a hundred: %s', (percent, verdict) => {
    const bench = new Bench(rule);
    bench.analysis.shares(bench.now, 25);
    for (let i = 0; i < 2_000; i++) bench.call((i * percent) % 100 < percent ? 'new' : 'old');
    expect(bench.look().verdict).toBe(verdict);
  });

  test('against a limit it has to be so all the time', () => {
    const bench = new Bench({
      metrics: [
        { metric: 'call-rate', against: 'absolute', threshold: 10, breach: 'above', windowMs: 3_000 },
      ],
    });
    bench.analysis.shares(bench.now, 50);
    bench.both(100);
    expect(bench.look().verdict).toBe('wait');
    expect(bench.both(300).look().verdict).toBe('refuse');
  });
});

describe('readings', () => {
  const rule: AnalysisRule = {
    metrics: [
      { metric: 'cpu', windowMs: 10_000 },
      { metric: 'queue-length', windowMs: 10_000 },
    ],
  };

  /** Twenty seconds with a reading each; the new version as busy as told, the old one with half a core. */
  function read(cores: (second: number) => number | undefined, inFlight: (second: number) => number) {
    const bench = new Bench(rule).both(100);
    const used = { old: 0, new: 0 };
    for (let second = 0; second < 20; second++) {
      bench.now += 1_000;
      const busy = cores(second);
      used.old += 2 * 500;
      used.new += 1_000 * (busy ?? 0);
      const at = bench.now;
      bench.analysis.reading({ side: 'old', instances: 2, cpuMs: used.old, inFlight: 4, at });
      const cpuMs = busy === undefined ? undefined : used.new;
      bench.analysis.reading({ side: 'new', instances: 1, cpuMs, inFlight: inFlight(second), at });
    }
    return bench.look();
  }

  test('twice the processor time of an instance, or twice its queue, all the time is a breach', () => {
    expect(
      read(
        () => 1.2,
        () => 2,
      ).metrics,
    ).toMatchObject([{ breached: true }, { breached: false }]);
    expect(
      read(
        () => 0.6,
        () => 6,
      ).metrics,
    ).toMatchObject([{ breached: false }, { breached: true }]);
  });

  test('a peak is none, however high', () => {
    expect(
      read(
        (second) => (second > 12 && second < 16 ? 50 : 0.5),
        () => 2,
      ),
    ).toMatchObject({ verdict: 'promote' });
  });

  test('nobody waits for what the system does not tell', () => {
    expect(
      read(
        () => undefined,
        () => 2,
      ),
    ).toMatchObject({ verdict: 'promote' });
  });

  test('before there are enough nothing is promoted', () => {
    const bench = new Bench(rule).both(100);
    const reading = { instances: 1, cpuMs: 0, inFlight: 1, at: bench.now };
    bench.analysis.reading({ side: 'new', ...reading });
    expect(bench.look().verdict).toBe('wait');
  });
});

describe('after a swap of all calls', () => {
  /** Five seconds of the old version, then twenty of the new one, of whose calls every n-th is like this. */
  function swapped(every: number, code: status, elapsedMs: number) {
    const bench = new Bench({}, 'before');
    for (let i = 0; i < 1_000; i++) bench.call('old');
    bench.analysis.shares(bench.now, 100);
    for (let i = 1; i <= 4_000; i++) {
      if (i % every === 0) bench.call('new', code, elapsedMs);
      else bench.call('new');
    }
    return bench.look();
  }

  test('the new version is compared with what the old one did before', () => {
    expect(swapped(50, status.INTERNAL, 5)).toMatchObject({ verdict: 'refuse' });
    expect(swapped(30, status.OK, 12).metrics).toMatchObject([{ breached: false }, { breached: true }]);
    expect(swapped(300, status.OK, 12)).toMatchObject({ verdict: 'promote' });
  });
});

test('thousands of methods take the room of a few', () => {
  const bench = new Bench();
  for (let i = 0; i < 3_000; i++) {
    bench.call('old', status.OK, 5, `/s/${i}`).call('new', i % 3 ? status.OK : status.INTERNAL, 5, `/s/${i}`);
  }
  // Those beyond the bound are compared together, so that nothing is lost.
  expect(bench.look().verdict).toBe('refuse');
});
