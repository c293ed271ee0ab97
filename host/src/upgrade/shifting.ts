import { setTimeout as sleep } from 'node:timers/promises';
import { PluginError } from '@plugd/protocol/plugin-error';
import { joinSignals } from '../launch/join-signals';
import { waitAtMost } from '../launch/wait-at-most';
import type { CallTap } from '../routing/tap';
import type { RawCall } from '../strategies/raw-call';
import type {
  ShiftProgress,
  SplitOptions,
  Traffic,
  TrafficSide,
  UpgradeStrategy,
} from '../strategies/traffic';
import type { Supervisor } from '../supervision/supervisor';
import { strategyError } from './as-plugin-error';
import type { OperationControls } from './operation-controls';
import type { OperationTarget, OperationTools } from './operation-target';
import { RawCalls } from './raw-calls';

const lookEveryMs = 50;

/** What has been told of a shift, for the report: the latest, if there is much. */
const mostProgress = 500;

export interface ShiftingOptions {
  readonly target: OperationTarget;
  readonly platform: OperationTools['platform'];
  readonly strategy: UpgradeStrategy;
  /** How long it may take, in milliseconds. */
  readonly limitMs: number;
  /** Gives it up. */
  readonly signal: AbortSignal;
  readonly controls: OperationControls;
  readonly onProgress: (progress: ShiftProgress) => void;
}

/** What a strategy does while both versions are there: gives it the traffic, holds it to its limit, and takes back what it set. */
export class Shifting {
  /** Since when which share of the new calls went to the new one. */
  readonly told: ShiftProgress[] = [];
  readonly #options: ShiftingOptions;
  readonly #raw = new RawCalls();
  #shared = false;

  constructor(options: ShiftingOptions) {
    this.#options = options;
  }

  /**
   * How many instances of the new one are to be started, of so many that it is to have at its end. Throws PluginError
   * STRATEGY_FAILED.
   */
  firstInstances(instances: number): number {
    let first = instances;
    try {
      first = this.#options.strategy.firstInstances?.(instances) ?? instances;
    } catch (error) {
      throw this.#thrown(error);
    }
    // What is no number asks for one.
    return Math.min(instances, Math.max(1, Math.ceil(first) || 1));
  }

  /** Throws PluginError: what the strategy throws, or STRATEGY_FAILED; STRATEGY_TIMEOUT, ABORTED, BAKE_FAILED. */
  async run(old: Supervisor, next: Supervisor): Promise<void> {
    next.supervise(() => {}, { reason: 'shift' });
    await this.#within((traffic) => this.#options.strategy.run(traffic), old, next, true);
    this.#options.target.tap(undefined);
  }

  /**
   * What a strategy has to say after the swap; nothing where it is given up meanwhile. Resolves to false where it has nothing to
   * say at all.
   */
  async bake(old: Supervisor | undefined, next: Supervisor): Promise<boolean> {
    const { strategy, signal } = this.#options;
    if (strategy.bake === undefined || old === undefined) return false;
    try {
      await this.#within(async (traffic) => strategy.bake?.(traffic), old, next, false);
    } catch (error) {
      // What has swapped comes to its end: a plugin that is stopped or handed over needs no verdict.
      if (!signal.aborted || error !== signal.reason) throw error;
    }
    return true;
  }

  /** While instances are given back: each of both versions gets as much as any other. */
  balance(old: Supervisor, next: Supervisor): void {
    const all = old.places + next.places;
    if (this.#shared && all > 0) this.#options.target.share(next, { share: next.places / all });
  }

  /** Whether calls may have gone to the new one. */
  get shared(): boolean {
    return this.#shared;
  }

  /** All new calls go to the old one again. */
  end(): void {
    const { target } = this.#options;
    target.tap(undefined);
    target.unshare();
  }

  async #within(
    work: (traffic: Traffic) => Promise<void>,
    old: Supervisor,
    next: Supervisor,
    mayShare: boolean,
  ): Promise<void> {
    const { limitMs, strategy, target, signal: given } = this.#options;
    const ended = new AbortController();
    const { signal, release } = joinSignals([given, ended.signal]);
    try {
      const traffic = this.#traffic(old, next, signal, mayShare);
      const worked = (async () => work(traffic))().then(
        () => true,
        (error: unknown) => {
          // What it was waiting for may have been given up before the strategy itself.
          throw signal.aborted ? signal.reason : this.#thrown(error);
        },
      );
      const givenUp = new Promise<never>((_, reject) => {
        if (signal.aborted) reject(signal.reason);
        signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      });
      givenUp.catch(() => {});
      worked.catch(() => {});
      if ((await waitAtMost(Promise.race([worked, givenUp]), limitMs)) !== undefined) return;
      throw new PluginError(
        'STRATEGY_TIMEOUT',
        `The strategy ${strategy.name} of plugin ${target.name} did not come to its end within ${limitMs} ms.`,
        { facts: { strategy: strategy.name, limitMs } },
      );
    } finally {
      this.#raw.close();
      ended.abort(new PluginError('ABORTED', 'The strategy has ended.'));
      release();
    }
  }

  #thrown(error: unknown): PluginError {
    const { strategy, target } = this.#options;
    return strategyError(error, { strategy: strategy.name, plugin: target.name });
  }

  #traffic(old: Supervisor, next: Supervisor, signal: AbortSignal, mayShare: boolean): Traffic {
    const { target, controls } = this.#options;
    const refuseLate = (): void => {
      if (signal.aborted) throw signal.reason;
      if (!mayShare) throw new PluginError('ABORTED', 'After the swap all calls go to the new version.');
    };
    const losses = next.losses;
    return {
      plugin: target.name,
      old: this.#side(old, signal),
      new: this.#side(next, signal),
      signal,
      get promoted() {
        return controls.promoted.aborted;
      },
      split: (percent: number, { stickyKey }: SplitOptions = {}) => {
        refuseLate();
        if (!(percent >= 0 && percent <= 100)) throw new RangeError(`${percent} is no percentage`);
        this.#shared = true;
        target.share(next, { share: percent / 100, stickyKey });
      },
      tap: (tap: CallTap | undefined) => {
        refuseLate();
        target.tap(tap);
      },
      call: (call: RawCall) => this.#raw.call(next, call),
      wait: (ms: number) => this.#wait(ms, next, losses, signal),
      progress: (progress: ShiftProgress) => {
        if (signal.aborted) return;
        this.told.push(progress);
        if (this.told.length > mostProgress) this.told.shift();
        this.#options.onProgress(progress);
      },
    };
  }

  #side(supervisor: Supervisor, signal: AbortSignal): TrafficSide {
    const { platform } = this.#options;
    return {
      version: supervisor.version,
      generation: supervisor.generation.number,
      whole: supervisor.spec.instances,
      get instances() {
        return supervisor.pids.length;
      },
      get inFlight() {
        return supervisor.generation.inFlight;
      },
      get contract() {
        return supervisor.contract;
      },
      observe: (observer) => {
        const end = supervisor.generation.observe(observer);
        signal.addEventListener('abort', end, { once: true });
        return end;
      },
      cpuMs: async () => {
        const usages = await Promise.all(supervisor.pids.map((pid) => platform.usage(pid)));
        const known = usages.flatMap((usage) => usage?.cpuMs ?? []);
        return known.length === 0 ? undefined : known.reduce((sum, one) => sum + one, 0);
      },
      call: (call) => this.#raw.call(supervisor, call),
      resize: async (instances) => {
        if (signal.aborted) throw signal.reason;
        await supervisor.resize(instances, signal);
      },
    };
  }

  /** Looks now and then: what it waits for may be lost in many ways, and nobody is in a hurry. */
  async #wait(ms: number, next: Supervisor, losses: number, signal: AbortSignal): Promise<void> {
    const due = performance.now() + ms;
    const { promoted } = this.#options.controls;
    for (;;) {
      if (signal.aborted) throw signal.reason;
      if (next.losses > losses) throw lostOne(next);
      const leftMs = due - performance.now();
      if (leftMs <= 0 || promoted.aborted) return;
      await sleep(Math.min(leftMs, lookEveryMs), undefined, { signal }).catch(() => {});
    }
  }
}

function lostOne({ spec: { name, version } }: Supervisor): PluginError {
  return new PluginError(
    'BAKE_FAILED',
    `Version ${version} of plugin ${name} did not last: an instance of it was lost.`,
    { facts: { version } },
  );
}
