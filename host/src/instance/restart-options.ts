import { check, checkedChoice, checkedCount, checkedWaitMs, checkGroup } from './option-check';

/**
 * `always`: whenever it leaves without having been asked to. `on-failure`: not if it left in order, which is
 * exit code 0 or one of the signals that ask a process to leave (SIGTERM, SIGINT, SIGHUP, SIGPIPE).
 * `never`: it stays `failed`.
 */
export type RestartPolicy = 'always' | 'on-failure' | 'never';

/**
 * What a restart does to the plugins that depend on the restarted one: nothing (`one-for-one`), or they are
 * restarted too, in start order (`rest-for-one`).
 */
export type RestartStrategy = 'one-for-one' | 'rest-for-one';

/** What the host does when a plugin's process leaves by itself or hangs. */
export interface RestartOptions {
  /**
   * Default `always`: a plugin is a server, and an application that has not stopped it wants it to serve,
   * whatever its exit code says. (A stock go-plugin process that loses its connection leaves with 0.)
   */
  readonly policy?: RestartPolicy;
  /** The waits between restarts. The first restart of a plugin that ran well is immediate. */
  readonly backoff?: {
    /** The longest wait before the second restart in a row; it doubles for each one after it. Default 100. */
    readonly initialMs?: number;
    /** No wait is longer than this. Default 30,000. */
    readonly maxMs?: number;
  };
  /**
   * How many crashes in how long a time are borne; with one more the plugin is `failed` until somebody
   * restarts it. Default 10 in 300,000 ms.
   */
  readonly budget?: {
    readonly crashes?: number;
    readonly withinMs?: number;
  };
  /** A plugin that served for so long begins anew with backoff and budget. Default 60,000. */
  readonly stableAfterMs?: number;
  /** Calls that come while it restarts: they wait, within these bounds, or fail at once (`false`). */
  readonly hold?:
    | false
    | {
        /** The longest that one call waits, beside its own deadline. Default 2,000. */
        readonly limitMs?: number;
        /** How many wait at the same time. Default 1,000. */
        readonly maxCalls?: number;
      };
  /** Default `one-for-one`: stubs outlive a restart, so most dependents need not notice it. */
  readonly strategy?: RestartStrategy;
}

/** Restart options with every default filled in and every value checked. */
export interface RestartSpec {
  readonly policy: RestartPolicy;
  readonly backoff: { readonly initialMs: number; readonly maxMs: number };
  readonly budget: { readonly crashes: number; readonly withinMs: number };
  readonly stableAfterMs: number;
  /** Undefined: calls fail at once. */
  readonly hold: { readonly limitMs: number; readonly maxCalls: number } | undefined;
  readonly strategy: RestartStrategy;
}

/** Also for calls that an operation lets wait, where none are to wait for a restart. */
export const defaultHold = { limitMs: 2_000, maxCalls: 1_000 } as const;

/** Throws PluginError OPTIONS_INVALID, naming the option. */
export function resolveRestart(options: RestartOptions = {}): RestartSpec {
  checkGroup('restart', options);
  const { backoff = {}, budget = {}, hold = {} } = options;
  checkGroup('restart.backoff', backoff, 'an object with initialMs and maxMs');
  checkGroup('restart.budget', budget, 'an object with crashes and withinMs');
  if (hold !== false) checkGroup('restart.hold', hold, 'false or an object with limitMs and maxCalls');
  const maxMs = checkedWaitMs('restart.backoff.maxMs', backoff.maxMs, 30_000, 0);
  const initialMs = checkedWaitMs('restart.backoff.initialMs', backoff.initialMs, Math.min(100, maxMs), 0);
  check(initialMs <= maxMs, 'restart.backoff.initialMs', initialMs, `at most maxMs, which is ${maxMs}`);
  return {
    policy: checkedChoice('restart.policy', options.policy, ['always', 'on-failure', 'never'], 'always'),
    backoff: { initialMs, maxMs },
    // With these waits ten restarts take 25 s on average, 51 s at most, beside the starts themselves: an
    // outage of what the plugin needs is outlived, and the window is long enough to see a loop without end.
    budget: {
      crashes: checkedCount('restart.budget.crashes', budget.crashes, 10, 0),
      withinMs: checkedWaitMs('restart.budget.withinMs', budget.withinMs, 300_000, 1),
    },
    stableAfterMs: checkedWaitMs('restart.stableAfterMs', options.stableAfterMs, 60_000, 0),
    hold:
      hold === false
        ? undefined
        : {
            limitMs: checkedWaitMs('restart.hold.limitMs', hold.limitMs, defaultHold.limitMs, 0),
            maxCalls: checkedCount('restart.hold.maxCalls', hold.maxCalls, defaultHold.maxCalls, 0),
          },
    strategy: checkedChoice(
      'restart.strategy',
      options.strategy,
      ['one-for-one', 'rest-for-one'],
      'one-for-one',
    ),
  };
}
