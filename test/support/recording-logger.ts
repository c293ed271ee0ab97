import type { Logger, LogLevel } from '@plugd/host';

export interface Recorded {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A logger that keeps what it is given. */
export class RecordingLogger implements Logger {
  readonly records: Recorded[] = [];
  readonly trace = this.#at('trace');
  readonly debug = this.#at('debug');
  readonly info = this.#at('info');
  readonly warn = this.#at('warn');
  readonly error = this.#at('error');

  #at(level: LogLevel): Logger[LogLevel] {
    return (message, fields) => void this.records.push({ level, message, fields });
  }

  /** What came as output of a plugin, of one of its streams. */
  printed(stream: 'stdout' | 'stderr'): string[] {
    return this.records.filter(({ fields }) => fields['stream'] === stream).map(({ message }) => message);
  }
}
