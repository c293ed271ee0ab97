import { PluginError } from './plugin-error';

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
/** Room that a splitter keeps between lines; a larger buffer is given back once its line is done. */
const KEPT_BYTES = 4096;

export interface LineSplitterOptions {
  /** Longest line in bytes, its end not counted; a longer one comes as pieces. At least 4. Default 65536. */
  readonly limit?: number;
  /** Gets each line without its end. It must not throw. */
  readonly onLine: (line: string) => void;
}

/**
 * Cuts a stream of bytes into lines. The lines depend on the bytes alone, never on how they were chunked; at
 * most `limit` bytes (and one) are kept between two chunks, whatever is sent.
 *
 * A line ends with a line feed; one carriage return before it, or before the end of the stream, is
 * dropped. Pieces of an over-long line are cut between characters. Bytes that are not UTF-8 become U+FFFD.
 */
export class LineSplitter {
  readonly #limit: number;
  readonly #onLine: (line: string) => void;
  #kept: Buffer | undefined;
  #length = 0;

  /** @throws PluginError OPTIONS_INVALID if `limit` is no integer of at least 4, the longest character. */
  constructor({ limit = 65_536, onLine }: LineSplitterOptions) {
    if (!Number.isSafeInteger(limit) || limit < 4) {
      throw new PluginError('OPTIONS_INVALID', `A line can't be limited to ${limit} bytes.`, {
        facts: { option: 'limit', value: limit },
        hint: 'Give an integer of at least 4.',
      });
    }
    this.#limit = limit;
    this.#onLine = onLine;
  }

  /** Takes the next bytes, calling `onLine` for each line that is complete with them. Keeps no part of `chunk`. */
  push(chunk: Buffer): void {
    let start = 0;
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, start)) {
      this.#finish(chunk.subarray(start, end));
      start = end + 1;
    }
    if (start < chunk.length) this.#keep(chunk.subarray(start));
  }

  /** The stream has ended: what is left becomes the last line. The splitter can be used again. */
  flush(): void {
    if (this.#length > 0) this.#finish(Buffer.alloc(0));
  }

  /** The line ends with `tail`. */
  #finish(tail: Buffer): void {
    let line = tail;
    if (this.#length > 0) {
      this.#keep(tail);
      line = this.#take();
    }
    if (line.at(-1) === CARRIAGE_RETURN) line = line.subarray(0, -1);
    this.#emit(this.#emitPieces(line));
  }

  /** Adds bytes of a line whose end has not been seen; hands on what is too long to wait for it. */
  #keep(bytes: Buffer): void {
    let rest = bytes;
    // One byte above the limit may wait: if it is a carriage return it may belong to the line's end.
    const room = this.#limit + 1;
    while (this.#length + rest.length > room) {
      const take = room - this.#length;
      this.#append(rest.subarray(0, take));
      rest = rest.subarray(take);
      this.#append(this.#emitPieces(this.#take()));
    }
    this.#append(rest);
    if (this.#length === room && this.#kept?.[this.#limit] !== CARRIAGE_RETURN) {
      this.#append(this.#emitPieces(this.#take()));
    }
  }

  #append(bytes: Buffer): void {
    if (bytes.length === 0) return;
    const length = this.#length + bytes.length;
    if (this.#kept === undefined || this.#kept.length < length) {
      const room = Math.min(this.#limit + 1, Math.max(length, 2 * (this.#kept?.length ?? 512)));
      const larger = Buffer.allocUnsafeSlow(room);
      this.#kept?.copy(larger, 0, 0, this.#length);
      this.#kept = larger;
    }
    bytes.copy(this.#kept, this.#length);
    this.#length = length;
  }

  /** What was kept. It is valid only until the next append. */
  #take(): Buffer {
    const bytes = (this.#kept ?? Buffer.alloc(0)).subarray(0, this.#length);
    this.#length = 0;
    if (bytes.length > KEPT_BYTES) this.#kept = undefined;
    return bytes;
  }

  /** Hands on pieces while more than `limit` bytes are there; returns the rest, which is never empty then. */
  #emitPieces(bytes: Buffer): Buffer {
    let rest = bytes;
    while (rest.length > this.#limit) {
      const cut = characterStart(rest, this.#limit);
      this.#emit(rest.subarray(0, cut));
      rest = rest.subarray(cut);
    }
    return rest;
  }

  #emit(bytes: Buffer): void {
    this.#onLine(bytes.toString('utf8'));
  }
}

/** The last place at or before `at`, and above 0, where a character begins; `at` itself if these are no characters. */
function characterStart(bytes: Buffer, at: number): number {
  for (let start = at; start > at - 4 && start > 0; start -= 1) {
    if (((bytes[start] ?? 0) & 0xc0) !== 0x80) return start;
  }
  return at;
}
