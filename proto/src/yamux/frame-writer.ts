import type { Duplex } from 'node:stream';
import { encodeHeader } from './frame';
import { Watchdog } from './watchdog';

/** Writes frames; those of one turn of the event loop leave together. */
export class FrameWriter {
  readonly #connection: Duplex;
  readonly #stalled: Watchdog;
  #corked = false;
  #unflushed = 0;
  #stopped = false;

  /** @param onStalled the connection has taken nothing for so long although it should have */
  constructor(connection: Duplex, timeoutMs: number, onStalled: () => void) {
    this.#connection = connection;
    this.#stalled = new Watchdog(timeoutMs, onStalled);
  }

  frame(type: number, flags: number, streamId: number, length: number): void {
    this.#cork();
    this.#flush(encodeHeader(type, flags, streamId, length));
  }

  data(
    type: number,
    streamId: number,
    pieces: readonly Buffer[],
    bytes: number,
    flushed?: (error?: Error | null) => void,
  ): void {
    this.#cork();
    if (this.#connection.writable) this.#connection.write(encodeHeader(type, 0, streamId, bytes));
    pieces.forEach((piece, index) => {
      if (index === pieces.length - 1) this.#flush(piece, flushed);
      else if (this.#connection.writable) this.#connection.write(piece);
    });
  }

  /** What is written from here on has all the time that there is. */
  stop(): void {
    this.#stopped = true;
    this.#stalled.stop();
  }

  /** Writes the last part of a frame. */
  #flush(bytes: Buffer, flushed?: (error?: Error | null) => void): void {
    if (!this.#connection.writable) {
      flushed?.(new Error('The connection is closed.'));
      return;
    }
    if (this.#unflushed++ === 0 && !this.#stopped) this.#stalled.start();
    this.#connection.write(bytes, (error) => {
      if (--this.#unflushed === 0) this.#stalled.stop();
      else if (!this.#stopped) this.#stalled.start();
      flushed?.(error);
    });
  }

  #cork(): void {
    if (this.#corked) return;
    this.#corked = true;
    this.#connection.cork();
    process.nextTick(() => {
      this.#corked = false;
      this.#connection.uncork();
    });
  }
}
