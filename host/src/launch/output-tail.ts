const LINES = 40;
const LINE_CHARACTERS = 1024;
/** How much of dropped output is kept, in case it is the last that a process said. */
const DROPPED_BYTES = 8192;

/** The last lines that a process printed, at most 40 of at most 1 KiB, at little cost also in a flood. */
export class OutputTail {
  readonly #lines: string[] = [];
  #dropped: Buffer | undefined;

  add(line: string): void {
    this.#settle();
    this.#append(line);
  }

  /** Bytes that nobody cut into lines. */
  addDropped(bytes: Buffer): void {
    const last = bytes.subarray(-DROPPED_BYTES);
    const kept = this.#dropped ?? Buffer.alloc(0);
    const room = DROPPED_BYTES - last.length;
    // A copy in either case: the chunk is a part of a larger buffer that must not be kept alive.
    this.#dropped = room === 0 ? Buffer.from(last) : Buffer.concat([kept.subarray(-room), last]);
  }

  lines(): string[] {
    this.#settle();
    return [...this.#lines];
  }

  #settle(): void {
    if (this.#dropped === undefined) return;
    const bytes = lastLines(this.#dropped);
    this.#dropped = undefined;
    const lines = bytes.toString('utf8').split(/\r?\n/);
    if (lines.at(-1) === '') lines.pop();
    for (const line of lines) this.#append(line);
  }

  #append(line: string): void {
    this.#lines.push(line.length > LINE_CHARACTERS ? cut(line) : line);
    if (this.#lines.length > LINES) this.#lines.shift();
  }
}

/** A copy: a slice would keep the whole line in memory. It shows that it is cut: whoever looks for a text in it then knows. */
function cut(line: string): string {
  return `${Buffer.from(line.slice(0, LINE_CHARACTERS - 1)).toString()}…`;
}

/** No more of it than can be kept: there may be a line feed in every byte. */
function lastLines(bytes: Buffer): Buffer {
  let start = bytes.length - 1;
  for (let count = 0; count < LINES && start > 0; count++) start = bytes.lastIndexOf(0x0a, start - 1);
  return bytes.subarray(start <= 0 ? 0 : start + 1);
}
