import { Client, credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import type { Channel } from '../routing/grpc-call';

/** A unary call in bytes. */
export interface RawCall {
  /** `/package.Service/Method` */
  readonly path: string;
  readonly request: Uint8Array;
  /** What else it carries; default: nothing. */
  readonly metadata?: Metadata;
  /** In milliseconds. */
  readonly timeoutMs: number;
  /**
   * The largest answer that is taken, in bytes; a larger one ends as RESOURCE_EXHAUSTED. Not held where all connections of an instance
   * share one (`multiplex`). Default: as for all calls.
   */
  readonly maxBytes?: number;
  readonly signal?: AbortSignal;
}

/** How it went. */
export interface RawAnswer {
  readonly code: status;
  readonly details: string;
  /** Undefined unless the call succeeded. */
  readonly message: Uint8Array | undefined;
  /** It was larger than `maxBytes`, and has not been read. */
  readonly tooLarge?: boolean;
  readonly elapsedMs: number;
}

/** In grpc-js's words: the status alone may be the plugin's own. */
const tooLarge = /Received message larger than max/;

const asItIs = (bytes: Buffer): Buffer => bytes;

/** Makes the call on this channel. Never rejects: without a channel its status is UNAVAILABLE. */
export function callRaw(channel: Channel | undefined, call: RawCall): Promise<RawAnswer> {
  const { path, request, metadata = new Metadata(), timeoutMs, signal } = call;
  const begun = performance.now();
  const answer = (code: status, details: string, message?: Uint8Array): RawAnswer => ({
    code,
    details,
    message,
    tooLarge: call.maxBytes !== undefined && code === status.RESOURCE_EXHAUSTED && tooLarge.test(details),
    elapsedMs: performance.now() - begun,
  });
  if (channel === undefined) {
    return Promise.resolve(answer(status.UNAVAILABLE, 'there is no instance to be called'));
  }
  const client = new Client('plugin', credentials.createInsecure(), { channelOverride: channel });
  return new Promise((resolve) => {
    const running = client.makeUnaryRequest(
      path,
      asItIs,
      asItIs,
      Buffer.from(request.buffer, request.byteOffset, request.byteLength),
      metadata,
      { deadline: Date.now() + timeoutMs },
      (error: ServiceError | null, message?: Buffer) => {
        signal?.removeEventListener('abort', cancel);
        resolve(error === null ? answer(status.OK, '', message) : answer(error.code, error.details));
      },
    );
    const cancel = (): void => running.cancel();
    signal?.addEventListener('abort', cancel, { once: true });
    if (signal?.aborted === true) cancel();
  });
}
