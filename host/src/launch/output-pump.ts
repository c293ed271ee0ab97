import { LineSplitter } from '@plugd/protocol/line-splitter';
import type { LogRecord } from '@plugd/protocol/log-record';
import type { OutputStream } from './keeper';
import type { OutputBudget } from './output-budget';
import { noOutput, type OutputCounters } from './output-counters';
import type { OutputTail } from './output-tail';

const LINE_FEED = 0x0a;
const REPORT_INTERVAL_MS = 1_000;

export interface OutputPumpOptions {
  readonly stream: OutputStream;
  /** Shared by the streams of one instance. */
  readonly budget: OutputBudget;
  readonly parse: (line: string) => LogRecord;
  readonly onRecord: (record: LogRecord, stream: OutputStream) => void;
  readonly tail?: OutputTail;
}

/** Makes records of what one stream carries, as far as the budget goes; the rest is counted and reported. */
export class OutputPump {
  readonly #options: OutputPumpOptions;
  readonly #splitter: LineSplitter;
  /** Within a line whose beginning was dropped. */
  #skipping = false;
  readonly #counted = { ...noOutput };
  /** As it was at the last report. */
  #reported: OutputCounters = noOutput;
  #report: NodeJS.Timeout | undefined;

  constructor(options: OutputPumpOptions) {
    this.#options = options;
    this.#splitter = new LineSplitter({
      onLine: (line) => {
        this.#counted.lines++;
        options.tail?.add(line);
        options.onRecord(options.parse(line), options.stream);
      },
    });
  }

  get counters(): OutputCounters {
    return { ...this.#counted };
  }

  /** Returns for how many milliseconds the stream should not be read. */
  push(chunk: Buffer): number {
    const { budget } = this.#options;
    const pauseMs = budget.arrived(chunk.length);
    this.#counted.heldMs += pauseMs;
    let start = this.#skipping ? this.#skip(chunk) : 0;
    while (start < chunk.length) {
      const lineFeed = chunk.indexOf(LINE_FEED, start);
      const end = lineFeed === -1 ? chunk.length : lineFeed + 1;
      if (!budget.take(end - start, lineFeed === -1 ? 0 : 1)) {
        this.#drop(chunk.subarray(start));
        break;
      }
      this.#counted.bytes += end - start;
      this.#splitter.push(chunk.subarray(start, end));
      start = end;
    }
    return pauseMs;
  }

  /** The stream has ended. */
  end(): void {
    this.#splitter.flush();
    this.#reportDropped();
  }

  /** Goes to the end of the line that is being dropped; returns where the next one begins. */
  #skip(chunk: Buffer): number {
    const end = chunk.indexOf(LINE_FEED) + 1;
    const dropped = end === 0 ? chunk : chunk.subarray(0, end);
    this.#skipping = end === 0;
    this.#count(dropped, end === 0 ? 0 : 1);
    return dropped.length;
  }

  #drop(bytes: Buffer): void {
    // What has been kept of the line now lacks its end.
    this.#splitter.flush();
    this.#skipping = bytes.at(-1) !== LINE_FEED;
    this.#count(bytes, countLineFeeds(bytes));
  }

  #count(bytes: Buffer, lines: number): void {
    this.#options.tail?.addDropped(bytes);
    this.#counted.droppedBytes += bytes.length;
    this.#counted.droppedLines += lines;
    this.#report ??= setTimeout(() => this.#reportDropped(), REPORT_INTERVAL_MS).unref();
  }

  #reportDropped(): void {
    clearTimeout(this.#report);
    this.#report = undefined;
    const before = this.#reported;
    const bytes = this.#counted.droppedBytes - before.droppedBytes;
    if (bytes === 0) return;
    this.#reported = this.counters;
    // A line that has not ended yet counts once it has; one alone is still worth a word.
    const lines = Math.max(1, this.#counted.droppedLines - before.droppedLines);
    const fields = { stream: this.#options.stream, lines, bytes };
    this.#options.onRecord(
      { level: 'warn', message: `dropped ${lines} lines of output: too many for the log`, fields },
      this.#options.stream,
    );
  }
}

/** A plain loop: its cost depends on the number of bytes alone, whatever a plugin prints. */
function countLineFeeds(bytes: Buffer): number {
  let count = 0;
  for (let i = 0; i < bytes.length; i++) if (bytes[i] === LINE_FEED) count++;
  return count;
}
