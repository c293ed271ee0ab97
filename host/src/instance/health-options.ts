import { checkedCount, checkedWaitMs, checkGroup } from './option-check';

/** How often a serving plugin is asked how it is, and when it is believed to be ill. */
export interface HealthOptions {
  /** From one question to the next, with a tenth of jitter. Default 5,000. */
  readonly intervalMs?: number;
  /**
   * The same for a plugin that nobody has called since the last question, and that was well then: that many
   * plugins at rest cost their host nothing to speak of. Default 60,000, but at least `intervalMs`.
   */
  readonly idleIntervalMs?: number;
  /** How long it has for its answer; longer while the host itself is late. Default 2,000. */
  readonly timeoutMs?: number;
  /** After so many bad or missing answers in a row it is replaced. Default 3. */
  readonly failures?: number;
}

/** Health options with every default filled in and every value checked. */
export type HealthSpec = Required<HealthOptions>;

/** Undefined where it is switched off. Throws PluginError OPTIONS_INVALID, naming the option. */
export function resolveHealth(options: HealthOptions | false = {}): HealthSpec | undefined {
  if (options === false) return undefined;
  checkGroup('health', options, 'false or an object');
  const intervalMs = checkedWaitMs('health.intervalMs', options.intervalMs, 5_000, 10);
  const idle = Math.max(60_000, intervalMs);
  return {
    intervalMs,
    idleIntervalMs: checkedWaitMs('health.idleIntervalMs', options.idleIntervalMs, idle, intervalMs),
    timeoutMs: checkedWaitMs('health.timeoutMs', options.timeoutMs, 2_000, 1),
    failures: checkedCount('health.failures', options.failures, 3, 1),
  };
}
