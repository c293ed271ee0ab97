import { performance } from 'node:perf_hooks';
import type { Plugin } from '@plugd/host';
import { KvClient } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { quantile } from '../harness';

/** Milliseconds of the load's own clock. */
export interface Window {
  readonly from: number;
  readonly to: number;
}

/** Of the calls of one window, in milliseconds. */
export interface Latencies {
  readonly calls: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** Loops of unary calls, each beginning its next call when the last one has been answered. */
export class Load {
  calls = 0;
  failed = 0;
  readonly #stub: KvClient;
  readonly #loops: Promise<void>[];
  #begins: number[] = [];
  #ends: number[] = [];
  #stopped = false;

  constructor(plugin: Plugin, loops: number) {
    this.#stub = plugin.stub(KvClient);
    this.#loops = Array.from({ length: loops }, () => this.#loop());
  }

  now(): number {
    return performance.now();
  }

  /** The calls that were in flight at any time of the window. */
  latencies({ from, to }: Window): Latencies {
    const found: number[] = [];
    this.#ends.forEach((end, call) => {
      const begin = this.#begins[call] ?? end;
      if (end >= from && begin <= to) found.push(end - begin);
    });
    return {
      calls: found.length,
      p50: quantile(found, 0.5),
      p99: quantile(found, 0.99),
      max: quantile(found, 1),
    };
  }

  /** The calls so far count on, their times are given up. */
  forget(): void {
    this.#begins = [];
    this.#ends = [];
  }

  /** Resolves when the last calls have been answered. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#loops);
  }

  #loop(): Promise<void> {
    return new Promise((resolve) => {
      const call = (): void => {
        const begin = performance.now();
        this.#stub.get({ key: 'some-key' }, (error) => {
          this.#begins.push(begin);
          this.#ends.push(performance.now());
          this.calls++;
          if (error !== null) this.failed++;
          if (this.#stopped) resolve();
          else call();
        });
      };
      call();
    });
  }
}
