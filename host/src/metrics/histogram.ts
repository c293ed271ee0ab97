/** Upper bounds of buckets, and what a series' line says of each: numbers become text slowly. */
export class Bounds {
  readonly values: readonly number[];
  readonly labels: readonly string[];

  constructor(...values: readonly number[]) {
    this.values = values;
    this.labels = [...values.map(String), '+Inf'].map((le) => `,le="${le}"} `);
  }
}

/** For how long calls take, in seconds. */
export const callBounds = new Bounds(
  ...[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5],
);

/** How often what was measured fell into which bucket. */
export class Histogram {
  readonly #bounds: Bounds;
  /** One more than there are bounds: what is beyond them all. */
  readonly #counts: Float64Array;
  #sum = 0;

  constructor(bounds: Bounds) {
    this.#bounds = bounds;
    this.#counts = new Float64Array(bounds.labels.length);
  }

  observe(seconds: number): void {
    const { values } = this.#bounds;
    let index = 0;
    while (index < values.length && seconds > (values[index] ?? 0)) index++;
    this.#counts[index] = (this.#counts[index] ?? 0) + 1;
    this.#sum += seconds;
  }

  /** @param pairs the series' labels */
  text(name: string, pairs: string): string {
    const bucket = `${name}_bucket{${pairs}`;
    let text = '';
    let sum = 0;
    for (let index = 0; index < this.#counts.length; index++) {
      sum += this.#counts[index] ?? 0;
      text += `${bucket}${this.#bounds.labels[index]}${sum}\n`;
    }
    return `${text}${name}_sum{${pairs}} ${this.#sum}\n${name}_count{${pairs}} ${sum}\n`;
  }
}
