import { closeSync, constants, fchmodSync, fstatSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import type { LogLevel } from '@plugd/protocol/log-record';
import { PluginError } from '@plugd/protocol/plugin-error';
import { isSystemError } from '../artifact/system-error';
import { type Clock, systemClock } from '../supervision/clock';
import { batchBytes, isUrgent, LogBacklog } from './log-backlog';
import { lastRecord } from './log-end';
import { listLogFilesNow, logFilePath } from './log-files';
import { refuseShared } from './refuse-shared';

/** So many urgent lines of one turn are written at once each; in a flood of them the others wait for its end. */
const mostAtOnce = 16;
/** How often a disk that refuses is tried again. */
const retryMs = 1_000;
/** How often the file is looked for that is written to: somebody may have taken it away. */
const lookMs = 5_000;

export interface LogWriterOptions {
  readonly directory: string;
  /** Of one file. */
  readonly maxBytes: number;
  /** How many are kept, the one that is written among them. */
  readonly maxFiles: number;
  readonly clock?: Clock;
  /** Nothing can be written: told once, until it can be again, which undefined tells. */
  readonly onProblem: (problem: PluginError | undefined) => void;
}

/** What has become of records since the writer was opened. */
export interface LogCounters {
  /** That are on disk. */
  readonly written: number;
  readonly writtenBytes: number;
  /** That were thrown away because the disk took nothing, for too long. */
  readonly dropped: number;
}

/**
 * Appends lines to numbered files and begins the next one when one is full.
 *
 * It writes synchronously, at the end of the turn in which something was logged, and what is urgent at once, with all that came
 * before: what was written is the system's, and outlives a process that is killed. A write into the system's cache costs
 * less than a round trip through the thread pool, and takes its time only where the disk is far behind.
 */
export class LogWriter {
  readonly #options: LogWriterOptions;
  readonly #clock: Clock;
  readonly #backlog = new LogBacklog();
  readonly #listeners = new Set<() => void>();
  #number = 0;
  #file: number | undefined;
  #size = 0;
  /** The end of what was written in part: it belongs into the same file. */
  #rest: { readonly bytes: Buffer; readonly lines: number } | undefined;
  #sequence = 0;
  #written = 0;
  #writtenBytes = 0;
  #problem: PluginError | undefined;
  #retryAt = 0;
  #lookAt: number;
  #atOnce = 0;
  #turnEnd: (() => void) | undefined;
  #retry: (() => void) | undefined;
  #closed = false;
  /** Whether the last record of an earlier writer was cut off. */
  readonly foundTorn: boolean;

  /** Goes on in the last file that is there. Throws PluginError LOGS_UNUSABLE, DISK_FULL. */
  constructor(options: LogWriterOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#lookAt = this.#clock.now() + lookMs;
    const { directory } = options;
    try {
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      refuseShared(directory);
      const { sequence, torn, whole } = lastRecord(directory);
      this.foundTorn = torn;
      this.#sequence = sequence;
      this.#open(listLogFilesNow(directory).at(-1) ?? 1);
      // Nothing may be written behind half a record, or it would be lost with it.
      if (!whole) this.#write({ bytes: Buffer.from('\n'), lines: 0 });
    } catch (error) {
      if (this.#file !== undefined) closeSync(this.#file);
      throw this.#told(error);
    }
  }

  get counters(): LogCounters {
    return { written: this.#written, writtenBytes: this.#writtenBytes, dropped: this.#backlog.dropped };
  }

  /** Why nothing can be written; undefined: it can. */
  get problem(): PluginError | undefined {
    return this.#problem;
  }

  /** The number of the file that is written to. */
  get number(): number {
    return this.#number;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Of the next line, which has to be given to {@link append}. */
  nextSequence(): number {
    return ++this.#sequence;
  }

  /** Takes a line with its line feed. Never throws. */
  append(line: string, level: LogLevel): void {
    if (this.#closed) return;
    this.#backlog.add(line, level);
    this.#turnEnd ??= this.#clock.atTurnEnd(() => {
      this.#turnEnd = undefined;
      this.#atOnce = 0;
      this.flush();
    });
    const atOnce = isUrgent(level) && this.#atOnce++ < mostAtOnce;
    if (atOnce || this.#backlog.bytes >= batchBytes) this.flush();
  }

  /** Writes what waits, as far as the disk takes it. Never throws. */
  flush(): void {
    if (this.#closed || (this.#problem !== undefined && this.#clock.now() < this.#retryAt)) return;
    const before = this.#written;
    try {
      this.#look();
      this.#writeAll();
      if (this.#problem !== undefined) this.#recovered();
    } catch (error) {
      this.#failed(error);
    }
    if (this.#written > before) for (const listener of [...this.#listeners]) listener();
  }

  /** Calls back after each write, until what this returns is called. */
  onWritten(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Writes what waits. May be called again. */
  close(): void {
    if (this.#closed) return;
    this.#retryAt = 0;
    this.flush();
    this.#turnEnd?.();
    this.#retry?.();
    this.#closed = true;
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
    for (const listener of [...this.#listeners]) listener();
  }

  #writeAll(): void {
    if (this.#rest !== undefined) this.#write(this.#rest);
    while (this.#backlog.bytes > 0) {
      // A line that is longer than a file may be has one of its own.
      const batch = this.#backlog.take(this.#options.maxBytes - this.#size, this.#size === 0);
      if (batch === undefined) this.#rotate();
      else this.#write(batch);
    }
  }

  /** Throws what the system says; what is left is in `#rest` then. */
  #write({ bytes, lines }: { readonly bytes: Buffer; readonly lines: number }): void {
    this.#rest = { bytes, lines };
    let left = bytes;
    while (left.length > 0 && this.#file !== undefined) {
      const count = writeSync(this.#file, left);
      this.#size += count;
      this.#writtenBytes += count;
      left = left.subarray(count);
      this.#rest = { bytes: left, lines };
    }
    this.#rest = undefined;
    this.#written += lines;
  }

  /** The oldest go first: on a full disk that may be the room for the next one. */
  #rotate(): void {
    const { directory, maxFiles } = this.#options;
    const files = listLogFilesNow(directory);
    for (const number of files.slice(0, Math.max(0, files.length - maxFiles + 1))) {
      if (number !== this.#number) rmSync(logFilePath(directory, number), { force: true });
    }
    const former = this.#number;
    this.#open(former + 1);
    if (maxFiles === 1) rmSync(logFilePath(directory, former), { force: true });
  }

  #open(number: number): void {
    const { O_APPEND, O_CREAT, O_WRONLY, O_NOFOLLOW = 0 } = constants;
    const path = logFilePath(this.#options.directory, number);
    const file = openSync(path, O_APPEND | O_CREAT | O_WRONLY | O_NOFOLLOW, 0o600);
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = file;
    this.#number = number;
    this.#size = fstatSync(file).size;
    // What plugins say may be anything: also a file that an operator made by hand is his alone.
    if (process.platform !== 'win32') fchmodSync(file, 0o600);
  }

  /** Whether the file is still there: what is written into one without a name nobody can read. */
  #look(): void {
    const now = this.#clock.now();
    if (now < this.#lookAt || this.#file === undefined) return;
    this.#lookAt = now + lookMs;
    if (fstatSync(this.#file).nlink > 0) return;
    mkdirSync(this.#options.directory, { recursive: true, mode: 0o700 });
    this.#rest = undefined;
    this.#open(this.#number + 1);
  }

  #failed(error: unknown): void {
    this.#retryAt = this.#clock.now() + retryMs;
    this.#retry?.();
    this.#retry = this.#clock.after(retryMs, () => {
      // A timer may come a little before its time.
      this.#retryAt = 0;
      this.flush();
    });
    if (this.#problem !== undefined) return;
    this.#problem = this.#told(error);
    this.#options.onProblem(this.#problem);
  }

  #recovered(): void {
    this.#problem = undefined;
    this.#options.onProblem(undefined);
  }

  #told(cause: unknown): PluginError {
    if (cause instanceof PluginError) return cause;
    const { directory } = this.#options;
    const facts = { path: directory };
    // A limit of the process on the size of files looks like a disk without room.
    return isSystemError(cause, 'ENOSPC', 'EDQUOT', 'EFBIG')
      ? new PluginError('DISK_FULL', `There is no room for the log in ${directory}.`, { facts, cause })
      : new PluginError('LOGS_UNUSABLE', `The log can’t be written in ${directory}.`, { facts, cause });
  }
}
