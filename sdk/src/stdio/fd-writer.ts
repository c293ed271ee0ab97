// Kept from before anybody replaces it: the guard does so for descriptor 1.
import { writeSync } from 'node:fs';
import { ByteRing } from './byte-ring';

const RETRY_MS = 5;
const PENDING_LIMIT_BYTES = 1024 * 1024;
const nap = new Int32Array(new SharedArrayBuffer(4));

/**
 * Writes to a file descriptor at once, so that a line is out before a crash; what the other end does not
 * take now waits, bounded, and is tried again. It never throws: nobody can be told that the place for
 * telling is gone.
 */
export class FdWriter {
  readonly #fd: number;
  readonly #writeSync: typeof writeSync;
  readonly #pending = new ByteRing(PENDING_LIMIT_BYTES);
  #head: Buffer | undefined;
  #retry: NodeJS.Timeout | undefined;

  constructor(fd: number, write: typeof writeSync = writeSync) {
    this.#fd = fd;
    this.#writeSync = write;
  }

  write(text: string | Uint8Array): void {
    const bytes = typeof text === 'string' ? Buffer.from(text) : text;
    if (this.#head !== undefined || this.#pending.length > 0) {
      this.#pending.push(bytes);
      return;
    }
    const written = this.#attempt(bytes);
    if (written < bytes.length) {
      this.#pending.push(bytes.subarray(written));
      this.#schedule();
    }
  }

  /**
   * Waits, blocking, until all is out or the limit is over.
   * @returns whether all is out
   */
  flush(limitMs: number): boolean {
    const end = performance.now() + limitMs;
    while (!this.#tryPending()) {
      if (performance.now() >= end) return false;
      Atomics.wait(nap, 0, 0, 1);
    }
    return true;
  }

  #tryPending(): boolean {
    for (;;) {
      this.#head ??= this.#pending.shift();
      if (this.#head === undefined) return true;
      const written = this.#attempt(this.#head);
      if (written < this.#head.length) {
        this.#head = this.#head.subarray(written);
        return false;
      }
      this.#head = undefined;
    }
  }

  #schedule(): void {
    if (this.#retry !== undefined) return;
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      if (!this.#tryPending()) this.#schedule();
    }, RETRY_MS).unref();
  }

  /** @returns how many bytes are done with: written, or lost because nobody holds the other end any more. */
  #attempt(bytes: Uint8Array): number {
    let written = 0;
    while (written < bytes.length) {
      try {
        written += this.#writeSync(this.#fd, bytes, written);
      } catch (error) {
        const code = error instanceof Error && 'code' in error ? error.code : undefined;
        if (code === 'EAGAIN') return written;
        if (code !== 'EINTR') return bytes.length;
      }
    }
    return written;
  }
}
