import { PluginError } from '@plugd/protocol/plugin-error';
import type { Platform } from '../platform/platform';
import type { KeptProcess } from './keeper';
import { waitAtMost } from './wait-at-most';

/** For a process to vanish after SIGKILL. It takes milliseconds, but for one that waits for a dead disk. */
const FORCE_MS = 2_000;
const SWEEP_INTERVAL_MS = 10;

/**
 * Ends a process and everything that descends from it: asks it if `politeMs` is above zero, then ends its group,
 * then whatever else carries its token.
 *
 * Throws PluginError STOP_FAILED.
 */
export async function endProcess(
  kept: KeptProcess,
  options: { readonly platform: Platform; readonly token: string; readonly politeMs: number },
): Promise<void> {
  if (options.politeMs > 0 && kept.exit === undefined && (await kept.signal('terminate')))
    await waitAtMost(kept.exited, options.politeMs);
  if (kept.exit === undefined) {
    await kept.signal('kill');
    await waitAtMost(kept.exited, FORCE_MS);
  }
  const leftovers = await sweep(options.platform, options.token);
  refuse([...(kept.exit === undefined ? [kept.pid] : []), ...leftovers], kept.pid);
}

/**
 * Ends the processes that carry a token, wherever they descend from, and waits until they are gone.
 *
 * Throws PluginError STOP_FAILED.
 */
export async function endCarriers(platform: Platform, token: string): Promise<void> {
  refuse(await sweep(platform, token));
}

function refuse(left: readonly number[], pid = left[0]): void {
  if (left.length === 0) return;
  throw new PluginError('STOP_FAILED', `Process ${left.join(', ')} is still there after SIGKILL.`, {
    facts: { pid, left: [...new Set(left)] },
  });
}

/** Ends the processes that carry a token, until none is left or the time is over; returns those. */
async function sweep(platform: Platform, token: string): Promise<number[]> {
  const deadline = performance.now() + FORCE_MS;
  for (;;) {
    // Again after each round: what is being ended may just have started another.
    const found = await platform.findByToken(token);
    if (found.length === 0) return [];
    if (performance.now() > deadline) return found.map(({ pid }) => pid);
    for (const { pid } of found) await platform.kill(pid, null);
    await new Promise((resolve) => setTimeout(resolve, SWEEP_INTERVAL_MS));
  }
}
