import type { Metadata, status } from '@grpc/grpc-js';

/** One call that is watched. None of it may throw, or keep the caller waiting. */
export interface TappedCall {
  /** A message of the caller's, in bytes that are not to be changed. */
  request(message: Uint8Array): void;
  /** A message of the plugin's. */
  response(message: Uint8Array): void;
  /** Its end, after the caller has heard of it. */
  end(code: status, details: string): void;
}

/** Sees calls and their answers, beside those that made them. */
export interface CallTap {
  /** Undefined: this call is not watched. */
  call(path: string, metadata: Metadata): TappedCall | undefined;
}
