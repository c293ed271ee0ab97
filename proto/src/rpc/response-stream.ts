import type { ChannelInterface } from '@grpc/grpc-js';
import type { CallOptions } from './call-options';
import { ClientCall } from './client-call';
import type { RpcMethod } from './definition';

type Result = IteratorResult<unknown, undefined>;

interface Waiter {
  resolve(result: Result): void;
  reject(error: unknown): void;
}

// As many messages as grpc-js's own streams take ahead of their reader. Not one at a time: grpc-js drops what
// nobody has asked for yet when a status other than OK arrives.
const READ_AHEAD = 16;

const END: Result = { done: true, value: undefined };

/**
 * A call that is answered by a stream. The call begins with the first `next()`; one that is never iterated is
 * never made. Leaving the iteration early cancels the call.
 */
export class ResponseStream extends ClientCall implements AsyncIterableIterator<unknown, undefined> {
  private begun = false;
  private reading = false;
  private outcome: { error: unknown } | undefined;
  private readonly messages: unknown[] = [];
  private readonly waiters: Waiter[] = [];

  constructor(
    channel: ChannelInterface,
    method: RpcMethod,
    private readonly request: unknown,
    options: CallOptions,
  ) {
    super(channel, method, options);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<Result> {
    if (!this.begun) this.begin();
    if (this.messages.length > 0) {
      const value = this.messages.shift();
      this.readAhead();
      return { done: false, value };
    }
    if (this.outcome !== undefined) return this.takeOutcome();
    return new Promise((resolve, reject) => this.waiters.push({ resolve, reject }));
  }

  async return(): Promise<Result> {
    this.begun = true;
    this.outcome ??= { error: undefined };
    this.fail(undefined);
    return END;
  }

  async throw(error: unknown): Promise<Result> {
    await this.return();
    throw error;
  }

  private begin(): void {
    this.begun = true;
    try {
      if (this.method.requestStream) {
        this.open();
        void this.sendAll(this.request);
      } else {
        const bytes = this.encode(this.request);
        this.open();
        this.sendOne(bytes);
      }
      this.readAhead();
    } catch (error) {
      this.outcome = { error };
    }
  }

  protected received(message: unknown): void {
    this.reading = false;
    const waiter = this.waiters.shift();
    if (waiter === undefined) this.messages.push(message);
    else waiter.resolve({ done: false, value: message });
    this.readAhead();
  }

  protected finished(error: unknown, early: boolean): void {
    // What came before the plugin's own error is still the caller's; after leaving, nothing is.
    if (early) this.messages.length = 0;
    this.outcome ??= { error };
    for (const waiter of this.waiters.splice(0)) {
      try {
        waiter.resolve(this.takeOutcome());
      } catch (failure) {
        waiter.reject(failure);
      }
    }
  }

  private readAhead(): void {
    if (this.reading || this.outcome !== undefined || this.messages.length >= READ_AHEAD) return;
    this.reading = true;
    this.read();
  }

  /** The error is thrown once, as a generator does; after it the iteration is merely at its end. */
  private takeOutcome(): Result {
    const error = this.outcome?.error;
    this.outcome = { error: undefined };
    if (error !== undefined) throw error;
    return END;
  }
}
