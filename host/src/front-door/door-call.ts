import {
  constants,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2';
import { Metadata, status } from '@grpc/grpc-js';
import type { StatusObject } from '../routing/grpc-call';
import { ANSWERED_KEY, forwardedAnswer, forwardedRequest, PLUGIN_KEY } from './forwarded-metadata';
import { encodeDetails, frameHeader, readTimeout } from './grpc-wire';
import { type MessageListener, MessageReader } from './message-reader';

/** What whoever answers a call hears of it. */
export interface DoorCallListener extends Pick<MessageListener, 'onMessage' | 'onEnd'> {
  /** The call has ended without a status of yours: its caller has left, or what it sent could not be taken. */
  onCancelled(): void;
}

/** Said to callers: they may compress. Answers are not compressed. */
const answerHeaders: OutgoingHttpHeaders = {
  ':status': 200,
  'content-type': 'application/grpc',
  'grpc-accept-encoding': 'identity,deflate,gzip',
};

/**
 * A call that came in at the front door, of whichever kind: on the wire they are all alike. Requests are read one by one,
 * and answers sent as there is room, so that neither side can make the other's pile up here.
 */
export class DoorCall {
  readonly path: string;
  /** What the caller sent, without what is for this hop alone. */
  readonly metadata: Metadata;
  /** In milliseconds since the epoch, or Infinity; undefined where it can't be read. */
  readonly deadline: number | undefined;
  /** Whether it says which plugin is to answer it. */
  readonly #named: boolean;
  readonly #stream: ServerHttp2Stream;
  readonly #reader: MessageReader;
  readonly #maxBytes: number;
  readonly #onEnd: (code: status) => void;
  #listener: DoorCallListener | undefined;
  #headersSent = false;
  #ended = false;

  /**
   * @param rawHeaders the same, as they came
   * @param onEnd told once, when the call has its status
   */
  constructor(
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    rawHeaders: readonly string[],
    maxBytes: number,
    onEnd: (code: status) => void,
  ) {
    this.path = headers[':path'] ?? '';
    this.metadata = forwardedRequest(rawHeaders);
    this.#named = headers[PLUGIN_KEY] !== undefined;
    const timeoutMs = readTimeout(headers['grpc-timeout']);
    this.deadline = timeoutMs === undefined ? undefined : Date.now() + timeoutMs;
    this.#stream = stream;
    this.#maxBytes = maxBytes;
    this.#onEnd = onEnd;
    this.#reader = new MessageReader(stream, maxBytes, headers['grpc-encoding']?.toString());
    // What breaks a stream is told by its end.
    stream.on('error', () => {});
    stream.once('close', () => this.#leave(status.CANCELLED));
  }

  /** Begins to tell of the call. */
  listen(listener: DoorCallListener): void {
    this.#listener = listener;
    this.#reader.listen({
      onMessage: (message) => {
        if (!this.#ended) listener.onMessage(message);
      },
      onEnd: () => {
        if (!this.#ended) listener.onEnd();
      },
      onBad: (code, details) => {
        this.refuse(code, details);
        listener.onCancelled();
      },
    });
  }

  /** Asks for the next message. */
  startRead(): void {
    if (!this.#ended) this.#reader.startRead();
  }

  sendHeaders(metadata: Metadata): void {
    if (this.#headersSent || !this.#open) return;
    this.#headersSent = true;
    this.#respond({ ...forwardedAnswer(metadata), ...answerHeaders }, { waitForTrailers: true });
  }

  /**
   * Sends a message, and calls back when there is room for another one; never once the call has ended.
   */
  sendMessage(message: Uint8Array, onRoom: () => void): void {
    if (!this.#open) return;
    if (message.length > this.#maxBytes) {
      const details = `An answer of ${message.length} bytes is larger than the ${this.#maxBytes} bytes that are taken`;
      this.refuse(status.RESOURCE_EXHAUSTED, details);
      this.#listener?.onCancelled();
      return;
    }
    this.sendHeaders(new Metadata());
    if (!this.#open) return;
    // Corked, both go in one frame: without a copy of the message.
    this.#stream.cork();
    this.#stream.write(frameHeader(message.length));
    const room = this.#stream.write(message);
    this.#stream.uncork();
    if (room) onRoom();
    else this.#stream.once('drain', onRoom);
  }

  /** Ends the call with a status. */
  end({ code, details, metadata }: StatusObject): void {
    if (!this.#open) return;
    this.#ended = true;
    const trailers = {
      ...forwardedAnswer(metadata),
      ...(this.#named ? { [ANSWERED_KEY]: '1' } : {}),
      'grpc-status': String(code),
      ...(details === '' ? {} : { 'grpc-message': encodeDetails(details) }),
    };
    if (this.#headersSent) {
      this.#stream.once('wantTrailers', () => {
        this.#guarded(() => this.#stream.sendTrailers(trailers));
        this.#letGo();
      });
      this.#stream.end();
    } else {
      this.#respond({ ...trailers, ...answerHeaders }, { endStream: true });
      this.#letGo();
    }
    this.#onEnd(code);
  }

  /** Ends it with this status now, whoever answers it. */
  cut(outcome: StatusObject): void {
    this.end(outcome);
    this.#listener?.onCancelled();
  }

  /** Ends it with a status of the front door's own. */
  refuse(code: status, details: string): void {
    this.end({ code, details, metadata: new Metadata() });
  }

  get #open(): boolean {
    return !this.#ended && !this.#stream.destroyed && !this.#stream.closed;
  }

  #respond(headers: OutgoingHttpHeaders, options: { endStream?: boolean; waitForTrailers?: boolean }): void {
    this.#guarded(() => this.#stream.respond(headers, options));
  }

  /** A header that HTTP/2 can't carry ends this call, and nothing else. */
  #guarded(send: () => void): void {
    try {
      send();
    } catch {
      this.#stream.close(constants.NGHTTP2_INTERNAL_ERROR);
    }
  }

  /** What the caller still sends is of no use. */
  #letGo(): void {
    if (this.#reader.ended) return;
    this.#reader.discard();
    setImmediate(() => {
      if (!this.#stream.destroyed && !this.#reader.ended) this.#stream.close(constants.NGHTTP2_NO_ERROR);
    });
  }

  #leave(code: status): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#onEnd(code);
    this.#listener?.onCancelled();
  }
}
