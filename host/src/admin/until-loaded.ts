import { setTimeout as pause } from 'node:timers/promises';
import type { AdminClient } from './admin-client';

const askAgainMs = 50;

/**
 * Waits until a daemon that has just been started has loaded what lay there, or refused it.
 *
 * @param end by the monotonic clock
 * @returns false if it had not by then
 */
export async function untilLoaded(client: AdminClient, end: number): Promise<boolean> {
  let { loading } = client.daemon;
  while (loading && performance.now() < end) {
    await pause(askAgainMs);
    ({ loading } = await client.getDaemon({}));
  }
  return !loading;
}
