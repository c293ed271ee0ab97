import { status } from '@grpc/grpc-js';
import { PluginError } from '@plugd/protocol/plugin-error';
import { RpcError } from '@plugd/protocol/rpc/rpc-error';
import { UsageError } from './usage-error';

/** What scripts read of how a command ended. */
export const exitCodes = {
  ok: 0,
  failed: 1,
  usage: 2,
  unreachable: 3,
  /** The plugin runs as before, for what was new was refused, undone or given up. */
  rolledBack: 4,
  timeout: 5,
  /** As a shell says it of SIGINT, and of SIGTERM. */
  interrupted: 130,
  terminated: 143,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** What `--timeout` allowed is over. What was begun goes on. */
export class TimeoutError extends Error {
  override readonly name = 'TimeoutError';
}

/** The exit code of a command that ended with this error. */
export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof UsageError) return exitCodes.usage;
  if (isTimeout(error)) return exitCodes.timeout;
  return error instanceof PluginError && error.code === 'DAEMON_UNREACHABLE'
    ? exitCodes.unreachable
    : exitCodes.failed;
}

/** Whether time was over, by the command's own clock or that of a call. */
export function isTimeout(error: unknown): boolean {
  if (error instanceof TimeoutError) return true;
  return error instanceof RpcError && error.code === status.DEADLINE_EXCEEDED;
}
