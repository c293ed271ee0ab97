import { TextDecoder } from 'node:util';
import type { OutputDecoder } from './platform';

/** Output is UTF-8 already. */
export const plainDecoder: OutputDecoder = { decode: (chunk) => chunk };

/**
 * For Windows, where runtimes put a byte order mark before what they print: the mark is dropped, and UTF-16 (which
 * PowerShell and .NET programs may write) becomes UTF-8. Without a mark bytes stay as they are.
 */
export class MarkDecoder implements OutputDecoder {
  /** The first bytes, until there are enough of them to decide; then undefined. */
  #head: Buffer | undefined = Buffer.alloc(0);
  #utf16: TextDecoder | undefined;

  decode(chunk: Buffer): Buffer {
    if (this.#head === undefined) return this.#convert(chunk);
    const head = Buffer.concat([this.#head, chunk]);
    if (mayBecomeMark(head)) {
      this.#head = head;
      return Buffer.alloc(0);
    }
    this.#head = undefined;
    if (head[0] === 0xff && head[1] === 0xfe) {
      this.#utf16 = new TextDecoder('utf-16le');
      return this.#convert(head.subarray(2));
    }
    return head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf ? head.subarray(3) : head;
  }

  #convert(chunk: Buffer): Buffer {
    return this.#utf16 === undefined ? chunk : Buffer.from(this.#utf16.decode(chunk, { stream: true }));
  }
}

function mayBecomeMark(head: Buffer): boolean {
  if (head.length === 0) return true;
  if (head.length === 1) return head[0] === 0xff || head[0] === 0xef;
  return head.length === 2 && head[0] === 0xef && head[1] === 0xbb;
}
