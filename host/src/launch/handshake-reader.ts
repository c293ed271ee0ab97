import { isUtf8 } from 'node:buffer';
import { HANDSHAKE_LINE_LIMIT } from '@plugd/protocol/handshake-line';
import { printable } from '@plugd/protocol/printable';

/** What came of waiting for the first line of stdout. */
export type HandshakeResult =
  | { readonly kind: 'line'; readonly text: string }
  | { readonly kind: 'too long' }
  | { readonly kind: 'not UTF-8' };

/** How much of stdout is kept for error messages. */
const HEAD_BYTES = 1024;

/** Takes the bytes of stdout until the first line is complete or can't become one. */
export class HandshakeReader {
  readonly #onResult: (result: HandshakeResult) => void;
  #chunks: Buffer[] = [];
  #length = 0;
  #head = Buffer.alloc(0);
  #done = false;

  constructor(onResult: (result: HandshakeResult) => void) {
    this.#onResult = onResult;
  }

  /** Returns what doesn't belong to the first line: nothing, until that is complete. */
  push(chunk: Buffer): Buffer {
    if (this.#head.length < HEAD_BYTES)
      this.#head = Buffer.concat([this.#head, chunk.subarray(0, HEAD_BYTES - this.#head.length)]);
    if (this.#done) return chunk;
    const end = chunk.indexOf(0x0a);
    const part = end === -1 ? chunk : chunk.subarray(0, end);
    this.#length += part.length;
    if (this.#length > HANDSHAKE_LINE_LIMIT) {
      this.#finish({ kind: 'too long' });
      return Buffer.alloc(0);
    }
    this.#chunks.push(part);
    if (end === -1) return Buffer.alloc(0);
    const line = Buffer.concat(this.#chunks);
    this.#finish(isUtf8(line) ? { kind: 'line', text: line.toString('utf8') } : { kind: 'not UTF-8' });
    return chunk.subarray(end + 1);
  }

  #finish(result: HandshakeResult): void {
    this.#done = true;
    this.#chunks = [];
    this.#onResult(result);
  }

  /** Whether something stands there that has no line feed yet. */
  get halfLine(): boolean {
    return !this.#done && this.#length > 0;
  }

  /** Whether that looks like the beginning of a handshake line rather than of anything else. */
  get looksLikeHandshake(): boolean {
    return /^\d+(\||$)/.test(this.#head.toString('latin1'));
  }

  /** The first bytes of stdout, made fit for an error message. */
  get head(): string {
    return printable(this.#head.toString('utf8'), HEAD_BYTES);
  }
}
