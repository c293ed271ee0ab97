import { LONGEST_TIMER_MS } from '@plugd/protocol/longest-timer';

/** How long a hook may take. */
export interface HookLimits {
  /** Fires when the time is over or the hook's work is no longer wanted; it should end then, and what it did is undone. */
  readonly signal: AbortSignal;
  readonly deadline: Date;
}

/** How long a step of the handoff may take where the host's message names no limit, in milliseconds. */
export const DEFAULT_HOOK_LIMIT_MS = 10_000;

/** How long the activation may take where no host says when it is, in milliseconds. */
export const SELF_ACTIVATION_LIMIT_MS = 60_000;

/** The time as a timer can wait it, in milliseconds. */
export const timerMs = (ms: number): number => Math.min(ms, LONGEST_TIMER_MS);

/**
 * Waits for some work, which is told its limits, and no longer than until the limit or until it is stopped. Work that does
 * not heed its signal goes on, and what comes of it is heard by nobody.
 * @param late makes the error of the limit
 * @throws what the work throws, the error of the limit, or the stop signal's reason
 */
export async function withinLimit<T>(
  limitMs: number,
  late: () => Error,
  work: (limits: HookLimits) => Promise<T>,
  stop: AbortSignal,
): Promise<T> {
  const controller = new AbortController();
  const { signal } = controller;
  const stopped = (): void => controller.abort(stop.reason);
  const timer = setTimeout(() => controller.abort(late()), timerMs(limitMs));
  stop.addEventListener('abort', stopped, { once: true });
  try {
    const over = new Promise<never>((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
    return await Promise.race([work({ signal, deadline: new Date(Date.now() + limitMs) }), over]);
  } finally {
    clearTimeout(timer);
    stop.removeEventListener('abort', stopped);
  }
}
