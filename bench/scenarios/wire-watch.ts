import { PerformanceObserver } from 'node:perf_hooks';
import type { Window } from './load';

/**
 * Sees the calls of this process on the wire: from the moment at which HTTP/2 opens a stream for one until the stream has
 * ended. In between is what the system and the other process do, and nothing of what this one does before and after.
 */
export class WireWatch {
  #streams: Window[] = [];
  readonly #observer = new PerformanceObserver((list) => {
    for (const { name, startTime, duration } of list.getEntries()) {
      if (name === 'Http2Stream') this.#streams.push({ from: startTime, to: startTime + duration });
    }
  });

  constructor() {
    this.#observer.observe({ entryTypes: ['http2'] });
  }

  /** For how much of the window calls were under way that began in it, in milliseconds. Asked when the window is long over. */
  busyMs(window: Window): number {
    let busy = 0;
    let seen = window.from;
    const inside = this.#streams.filter(({ from }) => from >= window.from && from <= window.to);
    for (const { from, to } of inside.sort((a, b) => a.from - b.from)) {
      const end = Math.min(to, window.to);
      busy += Math.max(0, end - Math.max(from, seen));
      seen = Math.max(seen, end);
    }
    return busy;
  }

  forget(): void {
    this.#streams = [];
  }

  close(): void {
    this.#observer.disconnect();
  }
}
