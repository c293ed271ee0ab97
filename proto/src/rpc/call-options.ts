import type { Metadata } from '@grpc/grpc-js';
import { PluginError } from '../plugin-error';
import type { MetadataInit } from './metadata';

/** What can be said about one call. */
export interface CallOptions {
  /** Cancels the call. One that has already fired ends the call before anything is sent. */
  readonly signal?: AbortSignal;
  /** How long the call may take, in milliseconds from its start. Default: without a limit. */
  readonly timeoutMs?: number;
  /** When the call must have ended, as a Date or in milliseconds since 1970. With `timeoutMs`, the earlier wins. */
  readonly deadline?: Date | number;
  /** Sent along with the request. */
  readonly metadata?: MetadataInit;
  /** Hears the initial metadata. What it throws cancels the call and becomes its error. */
  readonly onHeader?: (metadata: Metadata) => void;
  /** Hears the trailers, also of a call that fails. What it throws becomes the call's error. */
  readonly onTrailer?: (metadata: Metadata) => void;
}

// The wire says a deadline as at most eight digits of hours, and grpc-js throws where nobody can catch it when
// there are more: so what is a year away counts as no limit.
const FAR_AWAY_MS = 365 * 24 * 60 * 60 * 1000;

/** The deadline in grpc-js's form. @throws PluginError OPTIONS_INVALID if one is not a number or a valid Date. */
export function callDeadline(options: CallOptions): number {
  if (options.timeoutMs === undefined && options.deadline === undefined) return Number.POSITIVE_INFINITY;
  const now = Date.now();
  const deadline = Math.min(
    now + milliseconds('timeoutMs', options.timeoutMs),
    milliseconds('deadline', options.deadline),
  );
  return deadline - now > FAR_AWAY_MS ? Number.POSITIVE_INFINITY : deadline;
}

function milliseconds(name: string, value: Date | number | undefined): number {
  if (value === undefined) return Number.POSITIVE_INFINITY;
  const number = Number(value);
  if (!Number.isNaN(number)) return number;
  throw new PluginError('OPTIONS_INVALID', `The call option ${name} is neither a number nor a valid Date.`);
}
