import type { SeededRandom } from './seeded-random';

/** How long answers take: lognormal. */
export interface CanaryLatency {
  readonly medianMs: number;
  /** Of the logarithm. With 0.5 the 99th percentile is 3.2 times the median. */
  readonly sigma: number;
  /** All of them take so many times as long. Default 1. */
  readonly factor?: number;
  /** The slowest twentieth takes so many times as long; so does the 99th percentile, while the median is what it was. Default 1. */
  readonly tailFactor?: number;
}

/** Where the upper twentieth of the standard normal distribution begins. */
const TAIL_BEGINS = 1.645;

/** How long one answer takes, in milliseconds. */
export function drawLatency(
  { medianMs, sigma, factor = 1, tailFactor = 1 }: CanaryLatency,
  random: SeededRandom,
): number {
  const z = normal(random);
  return medianMs * Math.exp(sigma * z) * factor * (z > TAIL_BEGINS ? tailFactor : 1);
}

/** Box and Muller's. */
function normal(random: SeededRandom): number {
  return Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
}
