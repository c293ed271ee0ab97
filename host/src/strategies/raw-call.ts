import type { status } from '@grpc/grpc-js';

/** A unary call in bytes. */
export interface RawCall {
  /** `/package.Service/Method` */
  readonly path: string;
  readonly request: Uint8Array;
  /** In milliseconds. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

/** How it went. */
export interface RawAnswer {
  readonly code: status;
  readonly details: string;
  /** Undefined unless the call succeeded. */
  readonly message: Uint8Array | undefined;
  readonly elapsedMs: number;
}
