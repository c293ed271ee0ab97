/** Two neighbours differ by 2 %: nobody needs to know a latency better. */
const STEP = Math.log(1.02);
const LEAST_MS = 0.01;
/** From 10 µs to more than three hours. */
const BUCKETS = 1_050;

/** When there are so many all are halved, so that what is long past fades. */
const MAX_COUNT = 20_000;

/** How long calls took. Of fixed size, with buckets of 2 %. */
export class LatencyHistogram {
  private readonly buckets = new Float64Array(BUCKETS);
  /** Calls in it, older ones for less. */
  count = 0;

  add(elapsedMs: number): void {
    const bucket = Math.floor(Math.log(Math.max(elapsedMs, LEAST_MS) / LEAST_MS) / STEP);
    const index = Math.min(BUCKETS - 1, bucket);
    this.buckets[index] = (this.buckets[index] ?? 0) + 1;
    this.count += 1;
    if (this.count < MAX_COUNT) return;
    for (const [i, calls] of this.buckets.entries()) this.buckets[i] = calls / 2;
    this.count /= 2;
  }

  /** What this share of the calls did not exceed, in ms. Undefined while there is none. */
  quantile(share: number): number | undefined {
    if (this.count === 0) return undefined;
    let left = this.count * (1 - share);
    for (let i = BUCKETS - 1; i > 0; i--) {
      left -= this.buckets[i] ?? 0;
      if (left < 0) return LEAST_MS * Math.exp((i + 1) * STEP);
    }
    return LEAST_MS;
  }
}
