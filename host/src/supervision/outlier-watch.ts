export interface OutlierOptions {
  /** What a member must have answered lately before it is judged. Default 20. */
  readonly minCalls?: number;
  /** What lies so far back counts half. Default 10,000. */
  readonly halfLifeMs?: number;
  /** The first time out; the n-th time it is n times as long. Default 30,000. */
  readonly baseOutMs?: number;
  /** No time out is longer. Default 300,000. */
  readonly maxOutMs?: number;
}

/** A member that is taken out for a while. */
export interface Ejection {
  readonly member: string;
  readonly because: 'errors' | 'latency';
  /** Its share of failed calls, or its mean latency in ms. */
  readonly own: number;
  /** The median of the others'. */
  readonly others: number;
  /** Monotonic, in ms. */
  readonly until: number;
}

export interface OutlierChange {
  readonly out: readonly Ejection[];
  /** Those that are in again, mostly since their time out is over: they begin anew. */
  readonly back: readonly string[];
}

/** How much worse than its peers a member must be. */
interface Bounds {
  /** More in its share of failed calls, beside what chance explains. */
  readonly errorShare: number;
  /** So many times their latency. */
  readonly latencyFactor: number;
}

/** Of three or more the majority knows what is normal. */
const majority: Bounds = { errorShare: 0.3, latencyFactor: 3 };

/** Of two nobody can say which is the odd one: only a great difference counts. */
const pair: Bounds = { errorShare: 0.5, latencyFactor: 5 };

/** A difference in latency below this harms nobody, whatever the factor. */
const LATENCY_FLOOR_MS = 50;

/** Of the members at most a third is out, but one may always be where another remains. */
const MAX_OUT_SHARE = 1 / 3;

/** Differences of so many standard deviations are no chance. */
const SIGMAS = 3;

/** Sums that fade: what was added a half-life ago counts half. */
interface Tally {
  calls: number;
  errors: number;
  timed: number;
  latencyMs: number;
  at: number;
  out: { until: number } | undefined;
  times: number;
  lastBack: number;
}

/**
 * Finds the replica that answers much worse than its peers, as Envoy's outlier detection does, for a few members and
 * few calls. It compares: where all fail, or all are slow, the cause lies behind them and none is taken out.
 */
export class OutlierWatch {
  readonly #options: Required<OutlierOptions>;
  readonly #members = new Map<string, Tally>();

  constructor(options: OutlierOptions = {}) {
    this.#options = { minCalls: 20, halfLifeMs: 10_000, baseOutMs: 30_000, maxOutMs: 300_000, ...options };
  }

  /** Only what was added is watched: what a member that has ended still answers brings it not back. */
  add(member: string, now: number): void {
    if (!this.#members.has(member)) this.#members.set(member, fresh(now));
  }

  /** One that has ended: what it did is forgotten. */
  remove(member: string): void {
    this.#members.delete(member);
  }

  isOut(member: string): boolean {
    return this.#members.get(member)?.out !== undefined;
  }

  /**
   * @param ok false where the member is to blame (UNAVAILABLE, INTERNAL, UNKNOWN, DEADLINE_EXCEEDED …), not where it
   *   answered that the caller is
   * @param latencyMs of a unary call; undefined where its length says nothing, as that of a stream
   * @param now monotonic, in ms
   */
  record(member: string, ok: boolean, latencyMs: number | undefined, now: number): void {
    const tally = this.#members.get(member);
    // What was begun before it was taken out says what is known already.
    if (!tally || tally.out) return;
    this.#fade(tally, now);
    tally.calls += 1;
    if (!ok) tally.errors += 1;
    // An error may be quick: it must not make a failing member look fast.
    else if (latencyMs !== undefined) {
      tally.timed += 1;
      tally.latencyMs += latencyMs;
    }
  }

  /** To be asked now and then, a second apart or so. Of several outliers the worst goes first. */
  judge(now: number): OutlierChange {
    const back = this.#bringBack(now);
    const out: Ejection[] = [];
    for (const tally of this.#members.values()) this.#fade(tally, now);
    while (this.#outNow().length < this.#allowance()) {
      const worst = this.#worst(now);
      if (!worst) break;
      out.push(worst);
    }
    return { out, back };
  }

  /** Those whose time is over; and, where members have ended meanwhile, those that there are too many of. */
  #bringBack(now: number): string[] {
    const out = this.#outNow().sort((a, b) => a.until - b.until);
    const tooMany = out.length - this.#allowance();
    const back = out.filter(({ until }, i) => until <= now || i < tooMany);
    for (const { member, tally } of back) {
      this.#members.set(member, { ...fresh(now), times: tally.times, lastBack: now });
    }
    return back.map(({ member }) => member);
  }

  #outNow(): { member: string; tally: Tally; until: number }[] {
    return [...this.#members].flatMap(([member, tally]) =>
      tally.out ? [{ member, tally, until: tally.out.until }] : [],
    );
  }

  #allowance(): number {
    const { size } = this.#members;
    return size < 2 ? 0 : Math.max(1, Math.floor(size * MAX_OUT_SHARE));
  }

  #worst(now: number): Ejection | undefined {
    const judged = [...this.#members].filter(
      // A hair of tolerance: fading takes a little off even within a moment.
      ([, tally]) => !tally.out && tally.calls >= this.#options.minCalls * 0.99,
    );
    if (judged.length < 2) return undefined;
    const bounds = judged.length > 2 ? majority : pair;
    const suspects = judged.flatMap(([member, tally]) => {
      const others = judged.filter(([name]) => name !== member).map(([, one]) => one);
      const finding = worseBy(tally, others, bounds);
      return finding ? [{ member, tally, ...finding }] : [];
    });
    const [worst] = suspects.sort((a, b) => b.excess - a.excess);
    if (!worst) return undefined;
    const { member, tally, because, own, others } = worst;
    return { member, because, own, others, until: this.#takeOut(tally, now) };
  }

  #takeOut(tally: Tally, now: number): number {
    const { baseOutMs, maxOutMs } = this.#options;
    // For each base time that it was back and did well one of its times is forgiven.
    const forgiven = Math.floor((now - tally.lastBack) / baseOutMs);
    tally.times = Math.max(0, tally.times - forgiven) + 1;
    const until = now + Math.min(maxOutMs, baseOutMs * tally.times);
    tally.out = { until };
    return until;
  }

  #fade(tally: Tally, now: number): void {
    const factor = 0.5 ** (Math.max(0, now - tally.at) / this.#options.halfLifeMs);
    tally.calls *= factor;
    tally.errors *= factor;
    tally.timed *= factor;
    tally.latencyMs *= factor;
    tally.at = now;
  }
}

interface Finding {
  readonly because: 'errors' | 'latency';
  readonly own: number;
  readonly others: number;
  /** How far beyond its bound, as a factor: to compare suspects. */
  readonly excess: number;
}

function worseBy(tally: Tally, others: readonly Tally[], bounds: Bounds): Finding | undefined {
  return worseByErrors(tally, others, bounds) ?? worseByLatency(tally, others, bounds);
}

function worseByErrors(tally: Tally, others: readonly Tally[], bounds: Bounds): Finding | undefined {
  const own = tally.errors / tally.calls;
  const median = medianOf(others.map(({ errors, calls }) => errors / calls));
  const deviation = Math.sqrt((median * (1 - median)) / tally.calls);
  const excess = (own - median) / Math.max(bounds.errorShare, SIGMAS * deviation);
  // Errors before latency: those who wait are better off than those who are refused.
  return excess > 1 ? { because: 'errors', own, others: median, excess: 1_000 * excess } : undefined;
}

function worseByLatency(tally: Tally, others: readonly Tally[], bounds: Bounds): Finding | undefined {
  const means = [tally, ...others].filter(({ timed }) => timed > 0);
  if (tally.timed === 0 || means.length <= others.length / 2 || means.length < 2) return undefined;
  const own = tally.latencyMs / tally.timed;
  const median = medianOf(means.slice(1).map(({ latencyMs, timed }) => latencyMs / timed));
  const excess = own / Math.max(bounds.latencyFactor * median, median + LATENCY_FLOOR_MS);
  return excess > 1 ? { because: 'latency', own, others: median, excess } : undefined;
}

/** Of an even number the greater of the two in the middle: in doubt for the accused. */
function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

function fresh(now: number): Tally {
  return { calls: 0, errors: 0, timed: 0, latencyMs: 0, at: now, out: undefined, times: 0, lastBack: now };
}
