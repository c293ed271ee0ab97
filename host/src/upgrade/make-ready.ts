import type { Instance } from '../instance/instance';
import { waitAtMost } from '../launch/wait-at-most';

/** A broken connection is seen a little before the exit that broke it. */
export const exitNoticeMs = 50;

/**
 * The last question before the swap: the process may have ended since it was proved, without anybody noticing yet. Its
 * answer also shows that the channel is READY when calls begin to use it.
 */
export async function makeReady(
  instance: Instance,
  limit: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<void> {
  const { signal } = limit;
  if (signal.aborted) throw signal.reason;
  const { connection, launched } = instance;
  const answer = await connection.health(limit);
  if (signal.aborted) throw signal.reason;
  if (answer.status === 'failed') await waitAtMost(launched.exited, exitNoticeMs);
  if (launched.exit !== undefined) {
    throw launched.error('PLUGIN_EXITED', 'The new version exited before the swap.');
  }
  if (answer.status === 'failed') {
    throw launched.error('CONNECT_FAILED', 'The new version lost its connection before the swap.', {
      cause: answer.error,
    });
  }
  if (answer.status === 'not-serving') {
    throw launched.error(
      'HEALTH_NOT_SERVING',
      `The new version reported ${answer.reported} before the swap.`,
      {
        facts: { reported: answer.reported },
      },
    );
  }
}
