import { status } from '@grpc/grpc-js';
import type { ErrorCode } from '@plugd/protocol/error-codes';
import { CODE_TRAILER, EXECUTED_TRAILER, RpcError } from '@plugd/protocol/rpc/rpc-error';

/** The status with which each of these codes reaches the host. */
const STATUSES = {
  STATE_SCHEMA_UNKNOWN: status.FAILED_PRECONDITION,
  STATE_INCOMPLETE: status.DATA_LOSS,
  STATE_TOO_LARGE: status.RESOURCE_EXHAUSTED,
  STATE_CODEC_FAILED: status.INTERNAL,
  PLUGIN_PAUSED: status.UNAVAILABLE,
  PAUSE_TIMEOUT: status.DEADLINE_EXCEEDED,
  HANDOFF_HOOK_FAILED: status.INTERNAL,
  HANDOFF_ORDER: status.FAILED_PRECONDITION,
} as const satisfies Partial<Record<ErrorCode, status>>;

export interface HandoffErrorOptions {
  /** Where another status than the code's own says more. */
  readonly status?: status;
  readonly cause?: unknown;
}

/** A step of the handoff that failed, or a call that it kept waiting in vain: a gRPC status, with the code in its trailer. */
export function handoffError(
  code: keyof typeof STATUSES,
  details: string,
  options: HandoffErrorOptions = {},
): RpcError {
  return new RpcError(options.status ?? STATUSES[code], details, {
    metadata: {
      [CODE_TRAILER]: code,
      ...(code === 'PLUGIN_PAUSED' ? { [EXECUTED_TRAILER]: 'no' } : {}),
    },
    ...(options.cause === undefined ? {} : { cause: options.cause }),
  });
}
