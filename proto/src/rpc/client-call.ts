import { setImmediate as immediate } from 'node:timers/promises';
import { type ChannelInterface, type Metadata, status } from '@grpc/grpc-js';
import { type CallOptions, callDeadline } from './call-options';
import type { RpcMethod } from './definition';
import { closeIterator, type MessageIterator, openIterator } from './iterate';
import { toMetadata } from './metadata';
import { RpcError } from './rpc-error';

type Call = ReturnType<ChannelInterface['createCall']>;
type Listener = Parameters<Call['start']>[1];
type StatusObject = Parameters<Listener['onReceiveStatus']>[0];

const SENT_IN_A_ROW = 32;

/**
 * One call over a grpc-js channel, below grpc-js's streams and emitters: what is sent and read is decided
 * message by message, so back-pressure is exact in both directions, and there is no 'error' event to miss.
 *
 * It ends exactly once, through {@link finished}: by the status, or before it by {@link fail}.
 */
export abstract class ClientCall implements Listener {
  private call: Call | undefined;
  private requests: MessageIterator<unknown> | undefined;
  private wakeSender: (() => void) | undefined;
  private ended = false;

  constructor(
    private readonly channel: ChannelInterface,
    protected readonly method: RpcMethod,
    private readonly options: CallOptions,
  ) {}

  /** A response has come. Nothing more comes before the next {@link read}. */
  protected abstract received(message: unknown): void;
  /** The call has ended; with `error` undefined it was OK. `early`: by our own side, before the status. */
  protected abstract finished(error: unknown, early: boolean): void;

  /** @throws if the call cannot begin: its signal has fired, the channel is closed, the options are wrong. */
  protected open(): void {
    const { signal, metadata } = this.options;
    if (signal?.aborted) throw this.aborted(signal);
    const deadline = callDeadline(this.options);
    try {
      this.call = this.channel.createCall(this.method.path, deadline, undefined, null, undefined);
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new RpcError(status.UNAVAILABLE, why, { path: this.method.path, cause });
    }
    signal?.addEventListener('abort', this);
    this.call.start(toMetadata(metadata), this);
  }

  protected read(): void {
    this.call?.startRead();
  }

  /** The request of a call that has just one. @throws if it cannot be encoded. */
  protected encode(request: unknown): Buffer {
    try {
      return this.method.requestSerialize(request);
    } catch (cause) {
      throw this.invalid('The request could not be encoded', cause);
    }
  }

  protected sendOne(bytes: Buffer): void {
    this.call?.sendMessageWithContext({}, bytes);
    this.call?.halfClose();
  }

  /** Sends what the caller iterates, each when the one before has left this process. Never rejects. */
  protected async sendAll(source: unknown): Promise<void> {
    let sent = 0;
    try {
      const iterator = openIterator(source, `The requests of ${this.method.path}`);
      this.requests = iterator;
      while (!this.ended) {
        const request = await this.nextRequest(iterator);
        if (this.ended) return;
        if (request.done === true) {
          this.call?.halfClose();
          return;
        }
        await this.send(this.encode(request.value));
        // grpc-js says of the first MiB at once that it was sent, to be able to repeat it. A caller who always
        // has a next message would keep the event loop to himself, and nobody would read the answer.
        if (++sent % SENT_IN_A_ROW === 0) await immediate();
      }
    } catch (error) {
      this.fail(error);
    }
  }

  private async nextRequest(iterator: MessageIterator<unknown>): Promise<IteratorResult<unknown>> {
    let request: IteratorResult<unknown> | undefined;
    try {
      request = await iterator.next();
      return request;
    } finally {
      // One that has ended, or thrown, must not be told to end.
      if (request === undefined || request.done === true) this.requests = undefined;
    }
  }

  private send(bytes: Buffer): Promise<void> {
    return new Promise((resolve) => {
      // A call that ends may never say of its last message that it was sent.
      this.wakeSender = resolve;
      this.call?.sendMessageWithContext({ callback: () => resolve() }, bytes);
    });
  }

  /** Ends the call from this side. */
  protected fail(error: unknown): void {
    if (this.ended) return;
    this.end(error, true);
    this.call?.cancelWithStatus(status.CANCELLED, 'Cancelled by the caller');
  }

  private end(error: unknown, early: boolean): void {
    this.ended = true;
    this.options.signal?.removeEventListener('abort', this);
    this.wakeSender?.();
    if (this.requests !== undefined) void closeIterator(this.requests);
    this.finished(error, early);
  }

  /** The signal has fired. */
  handleEvent(): void {
    const { signal } = this.options;
    if (signal !== undefined) this.fail(this.aborted(signal));
  }

  private aborted(signal: AbortSignal): RpcError {
    return new RpcError(status.CANCELLED, "The caller's signal has fired", {
      path: this.method.path,
      cause: signal.reason,
    });
  }

  private invalid(what: string, cause: unknown): RpcError {
    const why = cause instanceof Error ? cause.message : String(cause);
    return new RpcError(status.INTERNAL, `${what}: ${why}`, { path: this.method.path, cause });
  }

  // What the channel reports.

  onReceiveMetadata(metadata: Metadata): void {
    if (this.ended) return;
    try {
      this.options.onHeader?.(metadata);
    } catch (error) {
      this.fail(error);
    }
  }

  onReceiveMessage(bytes: Buffer): void {
    if (this.ended) return;
    let message: unknown;
    try {
      message = this.method.responseDeserialize(bytes);
    } catch (cause) {
      this.fail(this.invalid('The response could not be decoded', cause));
      return;
    }
    this.received(message);
  }

  onReceiveStatus(outcome: StatusObject): void {
    if (this.ended) return;
    const { metadata } = outcome;
    // grpc-js ends a call whose response it can't decompress without any of the two.
    const code = outcome.code ?? status.INTERNAL;
    const details = outcome.details ?? 'The call ended without a status';
    let error: unknown =
      code === status.OK ? undefined : new RpcError(code, details, { metadata, path: this.method.path });
    try {
      this.options.onTrailer?.(metadata);
    } catch (thrown) {
      error = thrown;
    }
    this.end(error, false);
  }
}
