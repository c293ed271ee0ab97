import { Metadata, status } from '@grpc/grpc-js';
import type { ErrorCode } from '@plugd/protocol/error-codes';
import { CODE_TRAILER, EXECUTED_TRAILER, type Executed } from '@plugd/protocol/rpc/rpc-error';
import type { StatusObject } from './grpc-call';

/** Why the route does not take a call, or takes it back. */
export interface Refusal {
  /** Travels in the trailer `plugd-code`. */
  readonly code: ErrorCode;
  /** The sentence that the caller reads as the status' details. */
  readonly details: string;
  /** Travels in the trailer `plugd-executed`. Default `no`. */
  readonly executed?: Executed;
}

/** The status that a caller gets for a refusal. */
export function refusalStatus(refusal: Refusal, code: status = status.UNAVAILABLE): StatusObject {
  const metadata = new Metadata();
  metadata.set(CODE_TRAILER, refusal.code);
  metadata.set(EXECUTED_TRAILER, refusal.executed ?? 'no');
  return { code, details: refusal.details, metadata };
}
