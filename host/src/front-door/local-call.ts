import { Metadata, status } from '@grpc/grpc-js';
import { thrownStatus } from '@plugd/protocol/rpc/thrown-status';
import type { DoorCall } from './door-call';

/** A method that the front door answers itself, in bytes. The signal fires when the call has ended. */
export type LocalMethod = (
  requests: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
) => AsyncIterable<Uint8Array>;

/** Answers the call here. @param closing fires when the front door closes: then no more requests come */
export async function answerHere(call: DoorCall, method: LocalMethod, closing: AbortSignal): Promise<void> {
  const ending = new AbortController();
  const requests = new Requests(call, ending.signal);
  const end = (): void => ending.abort();
  const noMore = (): void => requests.end();
  closing.addEventListener('abort', noMore, { once: true });
  call.listen({
    onMessage: (message) => requests.add(message),
    onEnd: () => requests.end(),
    onCancelled: end,
  });
  if (closing.aborted) noMore();
  try {
    for await (const answer of method(requests, ending.signal)) {
      await new Promise<void>((resolve) => {
        const done = (): void => {
          ending.signal.removeEventListener('abort', done);
          resolve();
        };
        ending.signal.addEventListener('abort', done);
        call.sendMessage(answer, done);
      });
      if (ending.signal.aborted) break;
    }
    if (closing.aborted) call.refuse(status.UNAVAILABLE, 'The front door is being closed');
    else call.end({ code: status.OK, details: '', metadata: new Metadata() });
  } catch (error) {
    call.end(thrownStatus(error));
  } finally {
    closing.removeEventListener('abort', noMore);
    end();
  }
}

/** The requests of one call; each is asked for when it is wanted. */
class Requests implements AsyncIterable<Uint8Array> {
  readonly #call: DoorCall;
  readonly #signal: AbortSignal;
  #settle: ((next: IteratorResult<Uint8Array, undefined>) => void) | undefined;
  #ended = false;

  constructor(call: DoorCall, signal: AbortSignal) {
    this.#call = call;
    this.#signal = signal;
    signal.addEventListener('abort', () => this.end(), { once: true });
  }

  add(message: Uint8Array): void {
    this.#settle?.({ done: false, value: message });
    this.#settle = undefined;
  }

  end(): void {
    this.#ended = true;
    this.#settle?.({ done: true, value: undefined });
    this.#settle = undefined;
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array, undefined> {
    return {
      next: () =>
        new Promise((resolve) => {
          if (this.#ended || this.#signal.aborted) {
            resolve({ done: true, value: undefined });
            return;
          }
          this.#settle = resolve;
          this.#call.startRead();
        }),
    };
  }
}
