import { toJsonValue } from '@plugd/protocol/json-value';
import type { LogLevel } from '@plugd/protocol/log-record';
import { isStruct } from '../admin/struct';
import type { Redactor } from '../config/redactor';
import { guardedLogger, type Logger, logLevels, stderrLogger } from '../events/logger';

type Fields = Readonly<Record<string, unknown>>;

/** Before there is a place for records these may wait for it. */
const mostEarly = 1_000;

/** Where a daemon and its host log: to the book, as soon as there is one, and to stderr for whoever has started it there. */
export class DaemonLog {
  readonly logger: Logger;
  readonly #stderr: Logger | undefined;
  readonly #redactor: Redactor;
  #book: Logger | undefined;
  #early: { readonly level: LogLevel; readonly message: string; readonly fields: Fields }[] = [];

  /** @param stderr the lowest level that is written there; undefined: nothing is */
  constructor(redactor: Redactor, stderr: LogLevel | undefined) {
    this.#redactor = redactor;
    this.#stderr = stderr === undefined ? undefined : guardedLogger(stderrLogger(stderr));
    const at = (level: LogLevel) => (message: string, fields: Fields) => this.#log(level, message, fields);
    this.logger = {
      trace: at('trace'),
      debug: at('debug'),
      info: at('info'),
      warn: at('warn'),
      error: at('error'),
    };
  }

  /** All goes there from now on, and what has come before. */
  open(book: Logger): void {
    this.#book = guardedLogger(book);
    for (const { level, message, fields } of this.#early) this.#book[level](message, fields);
    this.#early = [];
  }

  #log(level: LogLevel, message: string, fields: Fields): void {
    if (this.#book !== undefined) this.#book[level](message, fields);
    else if (this.#early.length < mostEarly) this.#early.push({ level, message, fields });
    this.show(level, message, fields);
  }

  /** On stderr alone: what the book has already. */
  show(level: LogLevel, message: string, fields: Fields): void {
    if (this.#stderr === undefined || logLevels.indexOf(level) < logLevels.indexOf('info')) return;
    const shown = this.#redactor.redactFields(toJsonValue(fields));
    this.#stderr[level](this.#redactor.redact(String(message)), isStruct(shown) ? shown : {});
  }
}
