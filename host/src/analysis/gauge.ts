import type { Reading, Side } from './judgement';
import type { Finding, MetricJudge } from './metric-judge';
import type { MetricSpec } from './rule';
import { amount } from './wording';

/** Of one instance, between two readings. */
interface Sample {
  readonly at: number;
  readonly value: number;
}

/** Fewer readings say nothing of a window. */
const MIN_SAMPLES = 6;

/** More of them are passed over. */
const MAX_SAMPLES = 240;

/** The first reading may be so much younger than the window, as a share of it. */
const SLACK = 0.2;

/**
 * What instances do beside answering, judged by readings. No test tells whether a difference of two processes is
 * chance: it counts as breached when it was so in each third of the window.
 */
export class Gauge implements MetricJudge {
  private readonly windowMs: number;
  private readonly samples: Record<Side, Sample[]> = { old: [], new: [] };
  private readonly last: Partial<Record<Side, Reading>> = {};

  constructor(private readonly spec: MetricSpec) {
    this.windowMs = spec.windowMs ?? 60_000;
  }

  reading(reading: Reading): void {
    const { side, at } = reading;
    const last = this.last[side];
    if (reading.instances < 1 || (last && at - last.at < this.windowMs / MAX_SAMPLES)) return;
    this.last[side] = reading;
    const value = this.spec.metric === 'cpu' ? coresOf(reading, last) : reading.inFlight / reading.instances;
    if (value === undefined) return;
    const young = this.samples[side].filter((sample) => sample.at > at - this.windowMs);
    this.samples[side] = [...young, { at, value }];
  }

  judge(now: number): Finding {
    const [old, next] = [this.lately('old', now), this.lately('new', now)];
    const compares = this.spec.against === 'old';
    const known = this.fills(next, now) && (!compares || this.fills(old, now));
    const breached = known && [0, 1, 2].every((third) => this.isBeyond(old, next, now, third));
    const values = { old: mean(old), new: mean(next) };
    return {
      ...values,
      calls: { old: old.length, new: next.length },
      breached,
      // Where nobody can read it, nobody waits for it.
      pending: !known && next.length > 0,
      pValue: undefined,
      why: this.sentence(values, known, breached),
    };
  }

  private lately(side: Side, now: number): readonly Sample[] {
    return this.samples[side].filter(({ at }) => at > now - this.windowMs);
  }

  private fills(samples: readonly Sample[], now: number): boolean {
    const [first] = samples;
    return (
      first !== undefined && samples.length >= MIN_SAMPLES && now - first.at >= this.windowMs * (1 - SLACK)
    );
  }

  private isBeyond(old: readonly Sample[], next: readonly Sample[], now: number, third: number): boolean {
    const begin = now - this.windowMs * (1 - third / 3);
    const end = begin + this.windowMs / 3;
    const within = (samples: readonly Sample[]) => samples.filter(({ at }) => at > begin && at <= end);
    const value = mean(within(next));
    if (value === undefined) return false;
    const { against, threshold, breach, minDifference } = this.spec;
    const base = against === 'old' ? mean(within(old)) : 1;
    if (base === undefined) return false;
    return breach === 'above'
      ? value > Math.max(base * threshold, base + minDifference)
      : value < Math.min(base * threshold, base - minDifference);
  }

  private sentence(
    { old, new: next }: Readonly<Record<Side, number | undefined>>,
    known: boolean,
    breached: boolean,
  ): string {
    if (!known || next === undefined) return 'There are not readings of long enough yet.';
    const { metric, against, threshold } = this.spec;
    const unit = metric === 'cpu' ? 'cores' : 'calls in flight';
    const base =
      against === 'old' && old !== undefined
        ? `one of the old ${amount(old)}, and ${amount(threshold)} times that is the limit`
        : `the limit is ${amount(threshold)}`;
    const said = `An instance of the new version has ${amount(next)} ${unit}, ${base}`;
    return `${said}${breached ? '; it was beyond it all the time' : ''}.`;
  }
}

/** Processor time between two readings. Undefined where it says nothing: an instance was lost or has come meanwhile. */
function coresOf(reading: Reading, last: Reading | undefined): number | undefined {
  if (last?.cpuMs === undefined || reading.cpuMs === undefined) return undefined;
  const used = reading.cpuMs - last.cpuMs;
  if (used < 0 || last.instances !== reading.instances) return undefined;
  return used / (reading.at - last.at) / reading.instances;
}

function mean(samples: readonly Sample[]): number | undefined {
  if (samples.length === 0) return undefined;
  return samples.reduce((sum, { value }) => sum + value, 0) / samples.length;
}
