import type { TextSink } from '../surroundings';

const ESC = '\u001b[';
const hideCursor = `${ESC}?25l`;
const showCursor = `${ESC}?25h`;

/** Lines at the end of a terminal that are painted over by the next ones. */
export class LiveBlock {
  readonly #sink: TextSink;
  #lines = 0;
  #hidden = false;

  constructor(sink: TextSink) {
    this.#sink = sink;
  }

  /** None of them may be wider than the terminal. */
  paint(lines: readonly string[]): void {
    const up = this.#lines === 0 ? '' : `${ESC}${this.#lines}A`;
    const hide = this.#hidden ? '' : hideCursor;
    this.#hidden = true;
    // Each line is cleared behind its text, and what the block was longer by at its end: nothing flickers.
    const text = lines.map((line) => `${line}${ESC}K\n`).join('');
    this.#sink.write(`${hide}${up}\r${text}${ESC}J`);
    this.#lines = lines.length;
  }

  /** What was painted stays; what is written next stands below it. */
  end(): void {
    if (this.#hidden) this.#sink.write(showCursor);
    this.#hidden = false;
    this.#lines = 0;
  }
}
