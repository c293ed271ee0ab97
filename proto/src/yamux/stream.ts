import { Duplex } from 'node:stream';
import { ByteQueue } from './byte-queue';
import { Flag, INITIAL_WINDOW_BYTES } from './frame';
import { protocolError } from './protocol-error';
import { Watchdog } from './watchdog';

/** What a stream needs of its session. */
export interface StreamLink {
  readonly closeTimeoutMs: number;
  /** One data frame; `flushed` is called when it has left for the system. */
  sendData(
    streamId: number,
    pieces: readonly Buffer[],
    bytes: number,
    flushed?: (error?: Error | null) => void,
  ): void;
  sendWindowUpdate(streamId: number, flags: number, delta: number): void;
  /** Nothing more will be sent on the stream, nor handed to it. */
  forget(stream: YamuxStream, how: 'reset' | 'finished' | 'lingering' | 'unopened'): void;
}

type WriteCallback = (error?: Error | null) => void;

/** Short enough that other streams get their turn. */
const MAX_FRAME_BYTES = 64 * 1024;
const READ_AHEAD_BYTES = 16 * 1024;
const MAX_WINDOW = 0xffff_ffff;

/**
 * One stream of a session: a Duplex that http2 and tls take for a socket.
 *
 * An error without a listener is swallowed: streams are ended by the other side's doing, which must not end
 * this process.
 */
export class YamuxStream extends Duplex {
  readonly id: number;
  readonly #link: StreamLink;
  readonly #unread = new ByteQueue();
  readonly #closing: Watchdog;
  #wanted = false;
  #receiveWindow = INITIAL_WINDOW_BYTES;
  #sendWindow = 0;
  #opened = false;
  #outgoing: Buffer[] = [];
  #written: WriteCallback | undefined;
  #localEnd = false;
  #remoteEnd = false;
  /** Set where the peer must hear nothing of the end: it made it, or it is gone. */
  #silent = false;

  constructor(link: StreamLink, id: number) {
    super({
      allowHalfOpen: true,
      readableHighWaterMark: READ_AHEAD_BYTES,
      writableHighWaterMark: MAX_FRAME_BYTES,
    });
    this.#link = link;
    this.id = id;
    this.#closing = new Watchdog(link.closeTimeoutMs, () =>
      this.destroy(reset('The peer never closed its side.')),
    );
    this.on('error', () => {});
  }

  // What comes in

  /** The peer has been told of the stream, or has told us. */
  begin(): void {
    this.#opened = true;
    // It may end within the next line, and say so itself.
    const endedBefore = this.#localEnd;
    this.grant(INITIAL_WINDOW_BYTES);
    if (endedBefore) this.#link.sendWindowUpdate(this.id, Flag.FIN, 0);
    this.emit('connect');
  }

  /** Whether the peer has not been told of it: as with sockets, `connect` is emitted when it has. */
  get pending(): boolean {
    return !this.#opened;
  }

  /** The peer takes so many bytes more. @throws PluginError MULTIPLEX_PROTOCOL */
  grant(bytes: number): void {
    if (this.#sendWindow + bytes > MAX_WINDOW) {
      throw protocolError('it opened its window beyond what a number holds', { streamId: this.id });
    }
    this.#sendWindow += bytes;
    this.#pump();
  }

  /** A data frame begins. @throws PluginError MULTIPLEX_PROTOCOL if it may not */
  expect(bytes: number): void {
    if (bytes > 0 && this.#remoteEnd) {
      throw protocolError('it sent data after the end of its side', { streamId: this.id });
    }
    if (bytes > this.#receiveWindow) {
      throw protocolError('it sent more than its window', {
        streamId: this.id,
        bytes,
        window: this.#receiveWindow,
      });
    }
    this.#receiveWindow -= bytes;
  }

  receive(piece: Buffer): void {
    if (this.destroyed) return;
    this.#unread.add(piece);
    if (this.#wanted) this.#hand();
  }

  /** The peer sends no more. @throws PluginError MULTIPLEX_PROTOCOL if it has said so before */
  receiveEnd(): void {
    if (this.#remoteEnd) throw protocolError('it ended its side of a stream twice', { streamId: this.id });
    this.#remoteEnd = true;
    if (this.#unread.bytes === 0) this.push(null);
    this.#finish();
  }

  receiveReset(): void {
    this.breakOff(reset('The other end reset the stream.'));
  }

  /** Ends it without a word to the peer. */
  breakOff(reason: Error): void {
    this.#silent = true;
    this.destroy(reason);
  }

  override _read(): void {
    this.#wanted = true;
    this.#hand();
    this.#credit();
  }

  // Readable asks for more only once per push, but each byte that is read opens the window.
  // biome-ignore lint/suspicious/noExplicitAny: the signature is Node's
  override read(size?: number): any {
    const chunk: unknown = super.read(size);
    this.#credit();
    return chunk;
  }

  #hand(): void {
    const piece = this.#unread.take();
    if (piece === undefined) return;
    this.#wanted = false;
    this.push(piece);
    if (this.#remoteEnd && this.#unread.bytes === 0) this.push(null);
  }

  #credit(): void {
    if (this.destroyed || this.#remoteEnd) return;
    const room = INITIAL_WINDOW_BYTES - this.#unread.bytes - this.readableLength - this.#receiveWindow;
    if (room < INITIAL_WINDOW_BYTES / 2) return;
    this.#receiveWindow += room;
    this.#link.sendWindowUpdate(this.id, 0, room);
  }

  // What goes out

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: WriteCallback): void {
    this.#send([chunk], callback);
  }

  override _writev(chunks: { chunk: Buffer }[], callback: WriteCallback): void {
    this.#send(
      chunks.map(({ chunk }) => chunk),
      callback,
    );
  }

  override _final(callback: WriteCallback): void {
    this.#localEnd = true;
    if (this.#opened) this.#link.sendWindowUpdate(this.id, Flag.FIN, 0);
    if (!this.#remoteEnd) this.#closing.start();
    this.#finish();
    callback();
  }

  override _destroy(error: Error | null, callback: WriteCallback): void {
    this.#closing.stop();
    this.#unread.clear();
    this.#outgoing = [];
    if (!this.#opened) this.#link.forget(this, 'unopened');
    else if (this.#silent || (this.#localEnd && this.#remoteEnd)) this.#link.forget(this, 'finished');
    // A peer that is told of a reset drops what it has not read yet, so the last bytes before an end would be lost. Or
    // it has ended its side meanwhile, forgotten the stream, and complains. It hears of it once it sends more.
    else this.#link.forget(this, this.#localEnd ? 'lingering' : 'reset');
    const written = this.#written;
    this.#written = undefined;
    callback(error);
    written?.(error ?? reset('The stream was closed.'));
  }

  #send(pieces: Buffer[], callback: WriteCallback): void {
    this.#outgoing = pieces;
    this.#written = callback;
    this.#pump();
  }

  #pump(): void {
    while (this.#written !== undefined && (this.#sendWindow > 0 || this.#outgoing.length === 0)) {
      const [pieces, bytes] = this.#cut(Math.min(this.#sendWindow, MAX_FRAME_BYTES));
      const last = this.#outgoing.length === 0 ? this.#written : undefined;
      if (last !== undefined) this.#written = undefined;
      if (bytes === 0) last?.();
      else this.#link.sendData(this.id, pieces, bytes, last);
      this.#sendWindow -= bytes;
    }
  }

  /** Takes up to so many bytes off the front of what waits. */
  #cut(limit: number): [pieces: Buffer[], bytes: number] {
    const pieces: Buffer[] = [];
    let bytes = 0;
    let taken = 0;
    for (const piece of this.#outgoing) {
      if (bytes + piece.length > limit) break;
      pieces.push(piece);
      bytes += piece.length;
      taken++;
    }
    this.#outgoing.splice(0, taken);
    const next = this.#outgoing[0];
    if (next !== undefined && bytes < limit) {
      pieces.push(next.subarray(0, limit - bytes));
      this.#outgoing[0] = next.subarray(limit - bytes);
      bytes = limit;
    }
    return [pieces, bytes];
  }

  #finish(): void {
    if (!this.#localEnd || !this.#remoteEnd) return;
    this.#closing.stop();
    this.#link.forget(this, 'finished');
  }

  // What http2, tls and grpc-js ask of a socket. One stream has none of it to itself.

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  setTimeout(): this {
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }
}

/** Looks like what a socket says when its peer breaks the connection: the libraries above know that. */
function reset(message: string): Error {
  return Object.assign(new Error(message), { code: 'ECONNRESET' });
}
