import type { LogLevel, LogRecord } from '@plugd/protocol/log-record';

/** Further facts of a log record. They stand beside the message, by their names. */
export type LogFields = Readonly<Record<string, unknown>>;

/**
 * The plugin's log. A record reaches the host's own log with its level and fields. To log never throws,
 * whatever it is given.
 */
export interface Logger {
  trace(message: string, fields?: LogFields): void;
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A logger that adds these fields to each record. */
  with(fields: LogFields): Logger;
}

/** Takes each record; must not throw, whatever its fields hold. */
export type LogSink = (record: LogRecord) => void;

/** @param module names the plugin in each record */
export function createLogger(module: string, sink: LogSink, common?: LogFields): Logger {
  const at =
    (level: LogLevel) =>
    (message: string, fields?: LogFields): void =>
      sink({ level, message, module, fields: merged(common, fields) });
  return {
    trace: at('trace'),
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    with: (fields) => createLogger(module, sink, merged(common, fields)),
  };
}

function merged(common: LogFields | undefined, fields: LogFields | undefined): LogFields {
  if (common === undefined || fields === undefined) return fields ?? common ?? {};
  try {
    return { ...common, ...fields };
  } catch {
    return common; // a getter threw: the record is worth more than its field
  }
}

/** What is worth telling of a thrown value. */
export function errorFields(error: unknown): LogFields {
  if (!(error instanceof Error)) return { error };
  return { error: error.message, stack: error.stack };
}
