import type { LimitSpec } from '../instance/limit-options';
import { type Clock, systemClock } from './clock';
import { type LimitBreach, LimitWatch, type ResourceReading } from './limit-watch';

export interface LimitMonitorOptions {
  readonly spec: LimitSpec;
  /** What the process uses; undefined if nobody can tell. */
  readonly read: () => Promise<Omit<ResourceReading, 'at'> | undefined>;
  /** When the process began, on the clock. */
  readonly startedAt: number;
  /** Told again after as many readings as the first time, for as long as it stays over its limit. */
  readonly onExceeded: (breach: LimitBreach) => void;
  readonly clock?: Clock;
}

/** Reads at intervals what one process uses, and tells when that is too much. */
export class LimitMonitor {
  readonly #options: LimitMonitorOptions;
  readonly #clock: Clock;
  #watch: LimitWatch;
  #cancel: () => void = () => {};
  #stopped = false;

  constructor(options: LimitMonitorOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#watch = this.#newWatch();
    this.#arm();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel();
  }

  #newWatch(): LimitWatch {
    return new LimitWatch(this.#options.spec, this.#options.startedAt);
  }

  #arm(): void {
    if (this.#stopped) return;
    this.#cancel = this.#clock.after(this.#options.spec.checkEveryMs, () => void this.#look());
  }

  async #look(): Promise<void> {
    const usage = await this.#options.read().catch(() => undefined);
    if (this.#stopped) return;
    this.#arm();
    const nothing = { memoryBytes: undefined, descriptors: undefined, cpuMs: undefined };
    const [breach] = this.#watch.record({ ...nothing, ...usage, at: this.#clock.now() });
    if (breach === undefined) return;
    this.#watch = this.#newWatch();
    this.#options.onExceeded(breach);
  }
}
