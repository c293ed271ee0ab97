import { status } from '@grpc/grpc-js';
import type { Spread } from './burstiness';
import type { Side } from './judgement';
import { LatencyHistogram } from './latency-histogram';
import { Methods } from './methods';
import type { EndedCall } from './metric-judge';
import type { MetricSpec } from './rule';

/** Says which calls are bad. */
export interface Criterion {
  readonly spread: Spread;
  /** Undefined: it does not count, neither as good nor as bad. */
  isBad(call: EndedCall): boolean | undefined;
  turn?(): void;
  /** What each side does, over all methods, where that is not simply the share of bad calls. For people alone. */
  measured?(side: Side): number | undefined;
}

/**
 * Every status but OK and CANCELLED is an error, those included by which a plugin says that its caller is to blame: a
 * broken version says so to callers who are not, and whoever is to blame is so on both sides.
 */
export const errorCriterion: Criterion = {
  spread: { slotMs: 500, slots: 3 },
  isBad: ({ code }) => code !== status.OK && code !== status.CANCELLED,
};

/** The slowest hundredth is what p99 is about. */
export const SLOW_SHARE = 0.01;

/** Of fewer calls nobody knows the slowest hundredth. */
const MIN_BASELINE = 100;

/** A new process answers its first calls of a method slowly, whichever version it is. */
const WARM_UP_CALLS = 20;

/** A process that pauses now and then makes many calls slow at once: one alone, or two, prove nothing. */
const slowSpread: Spread = { slotMs: 1_000, slots: 5 };

/** Undefined for calls whose time says nothing: streams, and errors, which may be quick. */
function timeOf({ code, elapsedMs }: EndedCall): number | undefined {
  if (elapsedMs === undefined) return undefined;
  // Whoever waited in vain would have waited longer.
  if (code === status.DEADLINE_EXCEEDED) return Number.POSITIVE_INFINITY;
  return code === status.OK ? elapsedMs : undefined;
}

/** Each side's latencies, whatever the method: to be shown, not to be judged by. */
class Latencies {
  private readonly sides = { old: new LatencyHistogram(), new: new LatencyHistogram() };

  add(side: Side, ms: number): void {
    if (ms < Number.POSITIVE_INFINITY) this.sides[side].add(ms);
  }

  p99(side: Side): number | undefined {
    return this.sides[side].quantile(1 - SLOW_SHARE);
  }
}

interface Baseline {
  readonly old: LatencyHistogram;
  warmingUp: number;
  /** From the strata before this one: it must not depend on what it is compared with. */
  limitMs: number | undefined;
}

/** Slow is a call that takes longer than so many times the old one's p99 of the same method, before this stratum. */
export class SlowerThanOld implements Criterion {
  readonly spread: Spread;
  private readonly methods = new Methods<Baseline>(() => ({
    old: new LatencyHistogram(),
    warmingUp: WARM_UP_CALLS,
    limitMs: undefined,
  }));
  private readonly latencies = new Latencies();

  constructor(
    private readonly spec: Pick<MetricSpec, 'threshold' | 'minDifference'>,
    beside: boolean,
  ) {
    // Eight bad seconds against none of the old one's are enough; where it has no calls meanwhile there is no telling.
    this.spread = beside ? { ...slowSpread, alone: { share: SLOW_SHARE, chance: 0.005 } } : slowSpread;
  }

  isBad(call: EndedCall): boolean | undefined {
    const ms = timeOf(call);
    if (ms === undefined) return undefined;
    const baseline = this.methods.of(call.method);
    if (call.side === 'old') {
      if (ms < Number.POSITIVE_INFINITY) baseline.old.add(ms);
    } else if (baseline.warmingUp > 0) {
      baseline.warmingUp -= 1;
      return undefined;
    }
    this.latencies.add(call.side, ms);
    return baseline.limitMs === undefined ? undefined : ms > baseline.limitMs;
  }

  measured(side: Side): number | undefined {
    return this.latencies.p99(side);
  }

  turn(): void {
    const { threshold, minDifference } = this.spec;
    for (const baseline of this.methods.all()) {
      const p99 = baseline.old.count < MIN_BASELINE ? undefined : baseline.old.quantile(1 - SLOW_SHARE);
      baseline.limitMs = p99 === undefined ? undefined : Math.max(p99 * threshold, p99 + minDifference);
    }
  }
}

/** Slow is a call that takes longer than this. */
export class SlowerThan implements Criterion {
  readonly spread = slowSpread;
  private readonly warmUp = new Methods(() => ({ left: WARM_UP_CALLS }));
  private readonly latencies = new Latencies();

  constructor(private readonly limitMs: number) {}

  isBad(call: EndedCall): boolean | undefined {
    const ms = timeOf(call);
    if (ms === undefined) return undefined;
    const warmUp = this.warmUp.of(call.method);
    if (call.side === 'new' && warmUp.left > 0) {
      warmUp.left -= 1;
      return undefined;
    }
    this.latencies.add(call.side, ms);
    return ms > this.limitMs;
  }

  measured(side: Side): number | undefined {
    return this.latencies.p99(side);
  }
}
