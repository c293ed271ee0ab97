/** Upper bounds of the buckets for how long calls take, in seconds. */
export const callBounds: readonly number[] = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];

/** How often what was measured fell into which bucket. */
export class Histogram {
  readonly #bounds: readonly number[];
  /** One more than there are bounds: what is beyond them all. */
  readonly #counts: Float64Array;
  #sum = 0;

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = new Float64Array(bounds.length + 1);
  }

  observe(seconds: number): void {
    const bounds = this.#bounds;
    let index = 0;
    while (index < bounds.length && seconds > (bounds[index] ?? 0)) index++;
    this.#counts[index] = (this.#counts[index] ?? 0) + 1;
    this.#sum += seconds;
  }

  /** @param pairs the series' labels */
  text(name: string, pairs: string): string {
    let text = '';
    let sum = 0;
    for (let index = 0; index < this.#bounds.length; index++) {
      sum += this.#counts[index] ?? 0;
      text += `${name}_bucket{${pairs},le="${this.#bounds[index]}"} ${sum}\n`;
    }
    sum += this.#counts[this.#bounds.length] ?? 0;
    return `${text}${name}_bucket{${pairs},le="+Inf"} ${sum}\n${name}_sum{${pairs}} ${this.#sum}\n${name}_count{${pairs}} ${sum}\n`;
  }
}
