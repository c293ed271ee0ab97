import { type JsonObject, type JsonValue, toJsonValue } from '@plugd/protocol/json-value';
import type { LogLevel } from '@plugd/protocol/log-record';
import { PluginError } from '@plugd/protocol/plugin-error';
import type { HostEventListener } from '../events/event-log';
import { type Logger, logLevels, stderrLogger } from '../events/logger';
import { check, checkedChoice, checkedCount, isText } from '../instance/option-check';
import type { Clock } from '../supervision/clock';
import { eventRecord } from './event-record';
import { InstanceOrigins } from './instance-origins';
import { atLeast, formatEntry, isObject, longestLineBytes } from './log-entry';
import type { LogQuery } from './log-query';
import type { LiveLog } from './log-reader';
import { type LogCounters, LogWriter } from './log-writer';
import { type ReadEntry, readLog } from './read-log';

const mostReaders = 64;

/** Takes secrets out of what is about to be written. */
export interface LogRedaction {
  redact(text: string): string;
  /** Numbers among them. */
  redactFields(value: JsonValue): JsonValue;
}

/** How a daemon keeps its log. */
export interface LogBookOptions {
  /** Made, 0700, if it is missing. One book at a time. */
  readonly directory: string;
  /** The lowest level that is kept. Default `info`. */
  readonly level?: LogLevel;
  /** Of one file, at least 4096. Default 10 MiB. */
  readonly maxBytes?: number;
  /** How many files are kept, the one that is written among them. Default 5. */
  readonly maxFiles?: number;
  /** Default: nothing is taken out. */
  readonly redact?: LogRedaction;
  /** Told why nothing can be written, once, and by undefined that it can be again. Default: a line on stderr. */
  readonly onProblem?: (problem: PluginError | undefined) => void;
  readonly clock?: Clock;
}

/**
 * What a daemon and its plugins log: kept on disk as lines of JSON, within a size, and read from there. Whoever reads slowly holds up
 * nobody, and is told what was rotated away meanwhile. A disk that takes nothing costs records, not the daemon.
 */
export class LogBook {
  readonly #writer: LogWriter;
  readonly #directory: string;
  readonly #redact: LogRedaction | undefined;
  readonly #origins = new InstanceOrigins();
  readonly #live: LiveLog;
  #level: LogLevel;
  #readers = 0;
  /** For a host. Records below the level cost nothing. */
  readonly logger: Logger = {
    trace: (message, fields) => this.#log('trace', message, fields),
    debug: (message, fields) => this.#log('debug', message, fields),
    info: (message, fields) => this.#log('info', message, fields),
    warn: (message, fields) => this.#log('warn', message, fields),
    error: (message, fields) => this.#log('error', message, fields),
  };
  /**
   * For `host.on('event')`, before others that listen: what an instance logs gets its version and generation by this, and what becomes
   * of plugins is logged. When others hear of a lost instance its last words are on disk.
   */
  readonly observe: HostEventListener = (event) => {
    this.#origins.observe(event);
    const record = eventRecord(event);
    if (record === undefined) return;
    this.logger[record.level](record.message, record.fields);
    this.#writer.flush();
  };

  private constructor(options: LogBookOptions) {
    const { directory, redact, clock, onProblem = tellOnStderr } = options;
    check(isText(directory) && directory !== '', 'directory', directory, 'a path');
    this.#directory = directory;
    this.#redact = redact;
    this.#level = checkedChoice('level', options.level, logLevels, 'info');
    let dropped = 0;
    this.#writer = new LogWriter({
      directory,
      maxBytes: checkedCount('maxBytes', options.maxBytes, 10 * 1024 * 1024, 4096),
      maxFiles: checkedCount('maxFiles', options.maxFiles, 5, 1, 10_000),
      ...(clock === undefined ? {} : { clock }),
      onProblem: (problem) => {
        onProblem(problem);
        const lost = this.#writer.counters.dropped - dropped;
        dropped += lost;
        if (problem === undefined && lost > 0) this.logger.error('log records were lost', { records: lost });
      },
    });
    this.#live = new Live(this.#writer);
    if (this.#writer.foundTorn) {
      this.logger.warn('the last log record of an earlier daemon was cut off, and is left out', {});
    }
  }

  /**
   * Goes on in the files that are there.
   *
   * Throws PluginError OPTIONS_INVALID, LOGS_UNUSABLE, DISK_FULL.
   */
  static async open(options: LogBookOptions): Promise<LogBook> {
    return new LogBook(options);
  }

  /** The lowest level that is kept. */
  get level(): LogLevel {
    return this.#level;
  }

  set level(level: LogLevel) {
    this.#level = checkedChoice('level', level, logLevels, 'info');
  }

  get counters(): LogCounters {
    return this.#writer.counters;
  }

  /** Why nothing can be written now: DISK_FULL, LOGS_UNUSABLE; undefined: it can. */
  get problem(): PluginError | undefined {
    return this.#writer.problem;
  }

  /**
   * The records that are asked for, the oldest first; ends with the last one, or with `follow` when the signal fires or the book is
   * closed. `dropped`: how many records, of all, were lost between the one before and this one: rotated away before they were
   * read, or never written.
   *
   * Throws PluginError OPTIONS_INVALID, at once or where `grep` takes too long; BUSY where 64 read it already.
   */
  read(query: LogQuery = {}, signal?: AbortSignal): AsyncIterable<ReadEntry> {
    this.#writer.flush();
    return this.#counted(readLog(this.#directory, query, signal, this.#live));
  }

  /** Each reader may have a thread, and has a file open: there can't be any number of them. */
  async *#counted(read: AsyncIterable<ReadEntry>): AsyncGenerator<ReadEntry> {
    if (this.#readers >= mostReaders) {
      throw new PluginError('BUSY', `The log is being read by ${mostReaders} already.`, {
        facts: { readers: mostReaders },
        hint: 'Ask again when one of them has ended.',
      });
    }
    this.#readers++;
    try {
      yield* read;
    } finally {
      this.#readers--;
    }
  }

  /** Writes what waits, and ends who follows. May be called again. */
  async close(): Promise<void> {
    this.#writer.close();
  }

  #log(level: LogLevel, message: unknown, given: unknown): void {
    if (!atLeast(level, this.#level)) return;
    const text = this.#redacted(String(message));
    const { plugin = '', instance = '', ...rest } = this.#fields(given);
    const origin = this.#originOf(String(instance), rest);
    const entry = {
      sequence: this.#writer.nextSequence(),
      time: Date.now(),
      level,
      message: text.length > longestLineBytes ? `${text.slice(0, longestLineBytes)}…` : text,
      plugin: String(plugin),
      instance: String(instance),
      ...origin,
    };
    this.#writer.append(formatEntry(entry), level);
  }

  /** An instance's version is the host's word; what else it calls its version stays a field. */
  #originOf(instance: string, fields: JsonObject) {
    if (instance !== '') {
      const { version = '', generation = 0 } = this.#origins.of(instance) ?? {};
      return { version, generation, fields };
    }
    const { version, generation, ...others } = fields;
    if (typeof version !== 'string') return { version: '', generation: 0, fields };
    const number = typeof generation === 'number' ? generation : 0;
    return { version, generation: number, fields: others };
  }

  #redacted(text: string): string {
    return this.#redact === undefined ? text : this.#redact.redact(text);
  }

  #fields(given: unknown): JsonObject {
    const all = toJsonValue(given);
    const redact = this.#redact;
    if (isObject(all)) return redact === undefined ? all : redactedFields(all, redact);
    return all === null ? {} : { fields: redact === undefined ? all : redact.redactFields(all) };
  }
}

/** By which a record is known as its plugin's. With a secret that is such a word it has to be so too. */
const knownBy: readonly string[] = ['plugin', 'instance', 'version', 'generation'];

function redactedFields(fields: JsonObject, redact: LogRedaction): JsonObject {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      knownBy.includes(name) ? name : redact.redact(name),
      redact.redactFields(value),
    ]),
  );
}

/** What is written, as those see it who follow. */
class Live implements LiveLog {
  readonly #writer: LogWriter;
  #writes = 0;

  constructor(writer: LogWriter) {
    this.#writer = writer;
    writer.onWritten(() => this.#writes++);
  }

  get writes(): number {
    return this.#writes;
  }

  get file(): number {
    return this.#writer.number;
  }

  get closed(): boolean {
    return this.#writer.closed;
  }

  written(since: number, signal: AbortSignal): Promise<void> {
    if (this.#writes > since || this.closed || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const end = () => {
        stop();
        signal.removeEventListener('abort', end);
        resolve();
      };
      const stop = this.#writer.onWritten(end);
      signal.addEventListener('abort', end);
    });
  }
}

function tellOnStderr(problem: PluginError | undefined): void {
  if (problem === undefined) stderrLogger().warn('the log can be written again', {});
  else stderrLogger().error(problem.message, {});
}
