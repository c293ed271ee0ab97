import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { Family } from './families';

export type Labels = Readonly<Record<string, string>>;

/** Sets one series of a family. A value that isn't known is left out. */
export type SetSeries = (value: number | undefined, labels?: Labels) => void;

/** A family whose values are counted elsewhere, and looked up at each scrape. */
export function lookedUp(registry: Registry, family: Family, look: (set: SetSeries) => void): void {
  const { name, help, labels, type } = family;
  const common = { name, help, labelNames: [...labels], registers: [registry] };
  if (type === 'counter') {
    new Counter({
      ...common,
      collect() {
        // What is gone since the last time is not told of any more.
        this.reset();
        look((value, given = {}) => {
          if (value !== undefined) this.inc({ ...given }, value);
        });
      },
    });
    return;
  }
  new Gauge({
    ...common,
    collect() {
      this.reset();
      look((value, given = {}) => {
        if (value !== undefined) this.set({ ...given }, value);
      });
    },
  });
}

/** How long things take that seldom happen, in seconds. */
export function timed(registry: Registry, { name, help, labels }: Family): Histogram<string> {
  const buckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800];
  return new Histogram({ name, help, labelNames: [...labels], buckets, registers: [registry] });
}
