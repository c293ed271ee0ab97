import type { OperationRow } from '@plugd/protocol/gen/plugd/admin/v1/admin';
import { PluginError } from '@plugd/protocol/plugin-error';
import type { AdminClient } from '../../admin/admin-client';
import type { CliContext } from '../context';
import { TimeoutError } from '../exit-code';
import type { PlainData } from '../plain-data';
import { operationDisplay } from './operation-display';
import { readNews } from './operation-news';
import { begunState } from './operation-state';
import { spokenMs } from './spoken-ms';

/** How an operation ended; `left`: it goes on, for whoever watched it has left. */
export type OperationEnd =
  | { readonly kind: 'report'; readonly report: PlainData }
  | { readonly kind: 'error'; readonly error: PlainData }
  | { readonly kind: 'left' };

/**
 * Shows an operation until it ends, its watcher leaves (Ctrl-C), or the time is over that `--timeout` gives.
 *
 * @throws TimeoutError; PluginError DAEMON_UNREACHABLE where the daemon is lost meanwhile
 */
export async function followOperation(
  context: CliContext,
  client: AdminClient,
  row: OperationRow,
): Promise<OperationEnd> {
  const { timeoutMs } = context.options;
  const limit = new AbortController();
  const timer = timeoutMs === undefined ? undefined : setTimeout(() => limit.abort(), timeoutMs);
  const display = operationDisplay(context, begunState(row));
  try {
    const signal = AbortSignal.any([context.signal, limit.signal]);
    for await (const update of client.watchOperation({ id: row.id }, { signal })) {
      const news = readNews(update);
      if (news === undefined) continue;
      display.hear(news);
      if (news.kind === 'report' || news.kind === 'error') return news;
    }
    // It ends by itself where the daemon does.
    throw lost(row, client.socket);
  } catch (error) {
    if (context.interrupted) return { kind: 'left' };
    if (limit.signal.aborted) throw new TimeoutError(late(row, timeoutMs ?? 0));
    if (error instanceof PluginError && error.code === 'DAEMON_UNREACHABLE')
      throw lost(row, client.socket, error);
    throw error;
  } finally {
    clearTimeout(timer);
    display.end();
  }
}

/** What is said to who doesn't wait for the end. */
export function goesOn({ plugin, operation, id }: OperationRow): string {
  return (
    `The ${operation} of ${plugin} (${id}) goes on: plugd status ${plugin} tells how far it is, ` +
    `plugd abort ${plugin} gives it up.`
  );
}

function late(row: OperationRow, timeoutMs: number): string {
  return `The ${row.operation} has not ended within ${spokenMs(timeoutMs)}. ${goesOn(row)}`;
}

function lost({ plugin, operation, id }: OperationRow, socket: string, cause?: PluginError): PluginError {
  return new PluginError(
    'DAEMON_UNREACHABLE',
    `The daemon at ${socket} was lost in the middle of the ${operation} of ${plugin}.`,
    {
      facts: { socket, begun: true, plugin, operation: id },
      hint: '`plugd status --offline` tells how far it came; when the daemon is started again it finishes or undoes it.',
      ...(cause === undefined ? {} : { cause }),
    },
  );
}
