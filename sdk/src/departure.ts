import type { CallTracker } from './call-tracker';
import { errorFields, type Logger } from './logger';
import type { HealthRegistry } from './services/health';

/** Runs before the plugin leaves. What it throws is logged, and the other hooks run all the same. */
export type ShutdownHook = () => void | Promise<void>;

/** The end of a plugin: what it waits for, and for how long. */
export interface DepartureOptions {
  readonly calls: CallTracker;
  readonly health: HealthRegistry;
  /** Tells calls without an end to end. */
  drain(): void;
  readonly log: Logger;
  /** How long calls in flight may go on, in milliseconds. */
  readonly graceMs: number;
  /** How long all hooks together may take, in milliseconds. */
  readonly timeoutMs: number;
}

/** Brings a plugin to its end, once, within a limit: calls in flight, then the hooks in reverse order. */
export class Departure {
  readonly #options: DepartureOptions;
  readonly #hooks: ShutdownHook[] = [];
  #begun: Promise<void> | undefined;

  constructor(options: DepartureOptions) {
    this.#options = options;
  }

  add(hook: ShutdownHook): void {
    this.#hooks.push(hook);
  }

  get begun(): boolean {
    return this.#begun !== undefined;
  }

  /** Never rejects. Later calls wait for the same end. */
  begin(why: string): Promise<void> {
    this.#begun ??= this.#run(why);
    return this.#begun;
  }

  async #run(why: string): Promise<void> {
    const { calls, health, log, graceMs } = this.#options;
    log.debug('plugin is leaving', { reason: why });
    this.#options.drain();
    health.close();
    const left = await calls.whenIdle(graceMs);
    if (left > 0) log.warn('calls in flight are cut', { calls: left, grace_ms: graceMs });
    await this.#runHooks();
  }

  async #runHooks(): Promise<void> {
    const { log, timeoutMs } = this.#options;
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<'late'>((resolve) => {
      timer = setTimeout(resolve, timeoutMs, 'late');
    });
    const hooks = this.#hooks.splice(0).reverse();
    for (const [index, hook] of hooks.entries()) {
      const outcome = await Promise.race([this.#runHook(hook), limit]);
      if (outcome === 'late') {
        log.error('shutdown hooks took too long', {
          timeout_ms: timeoutMs,
          unfinished: hooks.length - index,
        });
        break;
      }
    }
    clearTimeout(timer);
  }

  async #runHook(hook: ShutdownHook): Promise<void> {
    try {
      await hook();
    } catch (error) {
      this.#options.log.error('a shutdown hook failed', errorFields(error));
    }
  }
}
