import type { TextSink } from '../surroundings';

const ESC = '\u001b[';

/**
 * Lines at the end of a terminal that are painted over by the next ones. The cursor stays visible: whoever ends the process in the
 * middle gets a terminal that is as before.
 */
export class LiveBlock {
  readonly #sink: TextSink;
  #lines = 0;

  constructor(sink: TextSink) {
    this.#sink = sink;
  }

  /** None of them may be wider than the terminal. */
  paint(lines: readonly string[]): void {
    const up = this.#lines === 0 ? '' : `${ESC}${this.#lines}A`;
    // Each line is cleared behind its text, and what the block was longer by at its end: nothing flickers.
    const text = lines.map((line) => `${line}${ESC}K\n`).join('');
    this.#sink.write(`${up}\r${text}${ESC}J`);
    this.#lines = lines.length;
  }

  /** What was painted stays; what is written next stands below it. */
  end(): void {
    this.#lines = 0;
  }
}
