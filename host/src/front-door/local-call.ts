import { Metadata, status } from '@grpc/grpc-js';
import { LONGEST_TIMER_MS } from '@plugd/protocol/longest-timer';
import { RpcError } from '@plugd/protocol/rpc/rpc-error';
import { thrownStatus } from '@plugd/protocol/rpc/thrown-status';
import type { StatusObject } from '../routing/grpc-call';
import type { DoorCall } from './door-call';

const closingDetails = 'The front door is being closed';

/** What a method that the front door answers itself knows of its call. */
export interface LocalCall {
  /** Fires when the call has ended. */
  readonly signal: AbortSignal;
  /** The plugin that the call names; undefined: it is about the whole front door. */
  readonly plugin: string | undefined;
}

/** A method that the front door answers itself, in bytes. */
export type LocalMethod = (requests: AsyncIterable<Uint8Array>, call: LocalCall) => AsyncIterable<Uint8Array>;

/** How long such a call may take, and what it is about. */
export interface LocalCallOptions extends Pick<LocalCall, 'plugin'> {
  /** Fires when the front door closes: then no more requests come. */
  readonly closing: AbortSignal;
  /** In milliseconds since the epoch, or Infinity. */
  readonly deadline: number;
}

/** Answers the call here. */
export async function answerHere(
  call: DoorCall,
  method: LocalMethod,
  { closing, deadline, plugin }: LocalCallOptions,
): Promise<void> {
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
  const leftMs = deadline - Date.now();
  // What is further away nobody sees pass.
  const timer = leftMs > LONGEST_TIMER_MS ? undefined : setTimeout(() => call.cut(tooLate()), leftMs);
  try {
    for await (const answer of method(requests, { signal: ending.signal, plugin })) {
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
    if (closing.aborted) call.refuse(status.UNAVAILABLE, closingDetails);
    else call.end({ code: status.OK, details: '', metadata: new Metadata() });
  } catch (error) {
    if (closing.aborted) call.refuse(status.UNAVAILABLE, closingDetails);
    else call.end(thrownStatus(error));
  } finally {
    clearTimeout(timer);
    closing.removeEventListener('abort', noMore);
    end();
  }
}

/** The one request of a method that has no more. Throws RpcError INTERNAL where there is none. */
export async function onlyRequest(requests: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  for await (const request of requests) return request;
  throw new RpcError(status.INTERNAL, 'The request has no message');
}

function tooLate(): StatusObject {
  return { code: status.DEADLINE_EXCEEDED, details: 'The deadline has passed', metadata: new Metadata() };
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
