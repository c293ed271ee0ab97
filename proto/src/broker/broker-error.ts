import type { ErrorCode } from '../error-codes';
import { type Facts, PluginError } from '../plugin-error';

export function brokerError(
  code: ErrorCode,
  summary: string,
  facts: Facts = {},
  cause?: unknown,
): PluginError {
  return new PluginError(code, summary, { facts, ...(cause === undefined ? {} : { cause }) });
}

export function brokerClosed(cause?: unknown): PluginError {
  return brokerError('BROKER_CLOSED', 'The broker has ended.', {}, cause);
}

/** Why a wait was given up: what its signal says. */
export function abortReason(signal: AbortSignal, serviceId: number): PluginError {
  return brokerError('ABORTED', `The dial of id ${serviceId} was given up.`, { serviceId }, signal.reason);
}
