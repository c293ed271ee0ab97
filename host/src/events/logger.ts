import type { LogLevel, LogRecord } from '@plugd/protocol/log-record';
import { printable } from '@plugd/protocol/printable';

/**
 * Where a host writes what it and its plugins log. `console` fits, and so does a thin wrapper around any logging
 * library. A method that throws is ignored: logging never fails an operation.
 */
export type Logger = Record<LogLevel, (message: string, fields: Readonly<Record<string, unknown>>) => void>;

const rank: Record<LogLevel, number> = { trace: 0, debug: 1, info: 2, warn: 3, error: 4 };

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error'] as const satisfies readonly LogLevel[];

/** One line a record on stderr, from the given level up. The default of a host is `warn`. */
export function stderrLogger(minimum: LogLevel = 'warn'): Logger {
  const at = (level: LogLevel) => (message: string, fields: Readonly<Record<string, unknown>>) => {
    if (rank[level] < rank[minimum]) return;
    // What a plugin says stays on its line, and can't drive a terminal.
    const text = printable(message + render(fields), Number.POSITIVE_INFINITY);
    process.stderr.write(`${new Date().toISOString()} ${level.toUpperCase()} ${text}\n`);
  };
  return { trace: at('trace'), debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

function render(fields: Readonly<Record<string, unknown>>): string {
  let text = '';
  for (const [key, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    text += ` ${key}=${typeof value === 'string' ? value : safeJson(value)}`;
  }
  return text;
}

function safeJson(value: unknown): string {
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return String(value);
  }
}

/** A logger that cannot throw, whatever the application's does. */
export function guardedLogger(logger: Logger): Logger {
  const guard = (level: LogLevel) => (message: string, fields: Readonly<Record<string, unknown>>) => {
    try {
      logger[level](message, fields);
    } catch {
      // A broken logger is the application's to notice.
    }
  };
  return {
    trace: guard('trace'),
    debug: guard('debug'),
    info: guard('info'),
    warn: guard('warn'),
    error: guard('error'),
  };
}

/** Writes a record that a plugin logged, with the name of its plugin and instance. */
export function logPluginRecord(
  logger: Logger,
  origin: { readonly plugin: string; readonly instance: string },
  record: LogRecord,
): void {
  const { level, message, module, timestamp, fields } = record;
  logger[level](message, {
    ...fields,
    ...origin,
    ...(module === undefined ? {} : { module }),
    ...(timestamp === undefined ? {} : { timestamp }),
  });
}
