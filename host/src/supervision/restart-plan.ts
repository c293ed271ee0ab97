import type { RestartPolicy, RestartSpec } from '../instance/restart-options';
import { Backoff } from './backoff';
import { CrashBudget } from './crash-budget';

/** How an instance came to its end without having been asked to. */
export type InstanceEnd =
  | { readonly kind: 'exited'; readonly code: number | null; readonly signal: string | null }
  /** Alive, but of no use: it hangs, or says that it doesn't serve. */
  | { readonly kind: 'unhealthy' }
  /** Its replacement never came to serve. */
  | { readonly kind: 'start-failed' };

export type RestartDecision =
  | { readonly action: 'restart'; readonly afterMs: number }
  /** It has crashed `crashes` times within the budget's time: the plugin is `failed`. */
  | { readonly action: 'give-up'; readonly crashes: number }
  /** The policy doesn't want it back. */
  | { readonly action: 'rest' };

/**
 * Whether, and after what wait, an instance that has ended is started again. One for each place that an instance
 * has in its plugin: replicas that crash don't use up each other's budget.
 */
export class RestartPlan {
  readonly #spec: RestartSpec;
  readonly #backoff: Backoff;
  readonly #budget: CrashBudget;

  constructor(spec: RestartSpec, random: () => number = Math.random) {
    this.#spec = spec;
    this.#backoff = new Backoff({ ...spec.backoff, random });
    this.#budget = new CrashBudget(spec.budget);
  }

  /**
   * @param now monotonic, in ms
   * @param servedSince since when it had served, on the same clock; undefined if it never did
   */
  ended(end: InstanceEnd, now: number, servedSince: number | undefined): RestartDecision {
    if (!restartWanted(this.#spec.policy, end)) return { action: 'rest' };
    if (servedSince !== undefined && now - servedSince >= this.#spec.stableAfterMs) this.reset();
    if (this.#budget.record(now) === 'exhausted') {
      return { action: 'give-up', crashes: this.#budget.count(now) };
    }
    return { action: 'restart', afterMs: this.#backoff.next() };
  }

  /** How many crashes count at present. */
  crashes(now: number): number {
    return this.#budget.count(now);
  }

  /** For a restart or an upgrade that somebody asked for: it begins with all of its chances. */
  reset(): void {
    this.#backoff.reset();
    this.#budget.reset();
  }
}

/** The signals that ask a process to leave: one that follows them has not failed. */
const requests = new Set(['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGPIPE']);

function restartWanted(policy: RestartPolicy, end: InstanceEnd): boolean {
  if (policy !== 'on-failure') return policy === 'always';
  if (end.kind !== 'exited') return true;
  return end.signal === null ? end.code !== 0 : !requests.has(end.signal);
}
