import { setTimeout as sleep } from 'node:timers/promises';
import { Metadata } from '@grpc/grpc-js';
import type { CallOptions } from '@plugd/protocol/rpc/call-options';
import { CODE_TRAILER, DRAINING_TRAILER } from '@plugd/protocol/rpc/rpc-error';

/** What a stream is opened with. */
export interface StreamAttempt<T> {
  /** 1 for the first one. */
  readonly number: number;
  /** The last answer that came over any of its openings; undefined: none has. */
  readonly last: T | undefined;
  /** To be handed on with a call of `plugin.client`: by these its trailers are seen, and `signal` reaches it. */
  readonly options: Pick<CallOptions, 'signal' | 'onTrailer'>;
}

export interface ReconnectOptions {
  /** Ends it: the iteration rejects, as a call does that is cancelled. */
  readonly signal?: AbortSignal;
  /** Opens it again also where the process under it was lost: what it was last sent may have been done or not. Default false. */
  readonly afterLoss?: boolean;
  /** How often it is opened again without an answer in between; then it ends as its last opening did. Default 3. */
  readonly attempts?: number;
  /** How long to wait before the second such time, in milliseconds; before each further one twice as long. Default 50. */
  readonly delayMs?: number;
}

/**
 * A stream that is opened again when the plugin under it is replaced, for streams that the host can't go on with by itself,
 * such as those whose requests are a stream too. What it sends is the application's: each opening begins its requests anew.
 *
 * It is opened again when an opening has ended on a process that had been told to leave (trailer `plugd-draining`), whatever
 * its status. Any other end is the end: an iteration that ends, or the error that is thrown.
 *
 * @param open gives the opening's answers: of a call of `plugin.client` with the options that it is given, or a stream of
 * grpc-js's. It may throw or reject, which ends the stream.
 */
export async function* reconnecting<T>(
  open: (attempt: StreamAttempt<T>) => AsyncIterable<T> | Promise<AsyncIterable<T>>,
  { signal, afterLoss = false, attempts = 3, delayMs = 50 }: ReconnectOptions = {},
): AsyncGenerator<T, void, undefined> {
  let last: T | undefined;
  let inVain = 0;
  for (let number = 1; ; number++) {
    let trailers: Metadata | undefined;
    const onTrailer = (metadata: Metadata): void => {
      trailers = metadata;
    };
    const options = signal === undefined ? { onTrailer } : { onTrailer, signal };
    const stream = await open({ number, last, options });
    const call = heardCall(stream, onTrailer, signal);
    let failure: { readonly error: unknown } | undefined;
    try {
      for await (const message of stream) {
        inVain = 0;
        last = message;
        yield message;
      }
    } catch (error) {
      failure = { error };
      trailers ??= metadataOf(error);
    } finally {
      call.leave();
    }
    const again =
      trailers?.get(DRAINING_TRAILER)[0] === 'true' ||
      (afterLoss && trailers?.get(CODE_TRAILER)[0] === 'INSTANCE_LOST');
    if (!again || signal?.aborted === true || inVain >= attempts) {
      if (failure !== undefined) throw failure.error;
      return;
    }
    inVain++;
    if (inVain > 1)
      await sleep(delayMs * 2 ** (inVain - 2), undefined, signal === undefined ? {} : { signal });
  }
}

/** Where it is a call of grpc-js's: hears of its status, and cancels it when nobody reads on. */
function heardCall(
  stream: object,
  onTrailer: (metadata: Metadata) => void,
  signal: AbortSignal | undefined,
): { leave(): void } {
  const [on, cancel]: unknown[] = [Reflect.get(stream, 'on'), Reflect.get(stream, 'cancel')];
  if (typeof on !== 'function' || typeof cancel !== 'function') return { leave: () => {} };
  let ended = false;
  on.call(stream, 'status', ({ metadata }: { metadata: Metadata }) => {
    ended = true;
    onTrailer(metadata);
  });
  // One that is cancelled when nobody reads on says so to nobody.
  on.call(stream, 'error', () => {});
  const leave = (): void => {
    signal?.removeEventListener('abort', leave);
    if (!ended) cancel.call(stream);
  };
  if (signal?.aborted === true) leave();
  else signal?.addEventListener('abort', leave, { once: true });
  return { leave };
}

function metadataOf(error: unknown): Metadata | undefined {
  const metadata: unknown = Reflect.get(Object(error), 'metadata');
  return metadata instanceof Metadata ? metadata : undefined;
}
