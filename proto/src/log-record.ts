import { type JsonValue, toJsonValue } from './json-value';
import { isLogTimestamp, toLogTimestamp } from './log-timestamp';

/** From the least to the most important. */
export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error';

/** One log message of a plugin. */
export interface LogRecord {
  readonly level: LogLevel;
  readonly message: string;
  /** Name of the logger. */
  readonly module?: string;
  /** As it stands on the wire: RFC 3339 with six digits of second. */
  readonly timestamp?: string;
  /** Source file and line. */
  readonly caller?: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A Go host reads log lines of at most 64 KiB, line feed included; a longer one loses its level. */
export const LOG_LINE_LIMIT = 65_536;
const SHORTENED_FIELD = 1024;
const SHORTENED_MESSAGE = 8192;
/** A deeper field is no field of a log record: whoever walks it recursively would run out of stack. */
const MAX_FIELD_DEPTH = 64;

const LEVELS: ReadonlySet<string> = new Set<LogLevel>(['trace', 'debug', 'info', 'warn', 'error']);
const isLevel = (text: string): text is LogLevel => LEVELS.has(text);

/**
 * A record as one line of hclog's JSON, line feed included. Never throws, whatever the fields hold, and never
 * writes what a Go host can't take: `@message` is a string, `@timestamp` (default: now) has six digits, the
 * line has at most 64 KiB: long fields, then all of them and the end of the message, give way, and `truncated`
 * says how many bytes there were. A field named like one of the record's own (`@level`), or `__proto__`, gets a `_` behind it.
 */
export function formatLogRecord(record: LogRecord): string {
  const head = {
    '@level': isLevel(record.level) ? record.level : 'info',
    '@message': text(record.message),
    ...(record.module === undefined || record.module === '' ? {} : { '@module': text(record.module) }),
    '@timestamp': toLogTimestamp(record.timestamp),
    ...(record.caller === undefined ? {} : { '@caller': text(record.caller) }),
  };
  const fields = fieldEntries(record.fields);
  const line = `${JSON.stringify({ ...head, ...Object.fromEntries(fields) })}\n`;
  // No character takes more than three bytes for each of its UTF-16 units.
  if (line.length * 3 <= LOG_LINE_LIMIT) return line;
  const truncated = Buffer.byteLength(line);
  if (truncated <= LOG_LINE_LIMIT) return line;
  const shorter = `${JSON.stringify({ ...head, ...Object.fromEntries(fields.map(shortened)), truncated })}\n`;
  if (Buffer.byteLength(shorter) <= LOG_LINE_LIMIT) return shorter;
  const short = Object.fromEntries(
    Object.entries(head).map(([key, value]) => [
      key,
      cut(value, key === '@message' ? SHORTENED_MESSAGE : SHORTENED_FIELD),
    ]),
  );
  return `${JSON.stringify({ ...short, truncated })}\n`;
}

/** Whoever copies a field of this name by assignment replaces the copy's prototype. */
const PROTOTYPE = '__proto__';
const RESERVED = new Set(['@level', '@message', '@module', '@timestamp', '@caller', PROTOTYPE]);

function fieldEntries(fields: unknown): [string, JsonValue][] {
  const json = toJsonValue(fields);
  // Nothing but an object has names for its fields; a caller without types may pass anything.
  if (json === null || typeof json !== 'object' || Array.isArray(json)) {
    return json === null ? [] : [['fields', json]];
  }
  return Object.entries(json).map(([key, value]) => [RESERVED.has(key) ? `${key}_` : key, value]);
}

function shortened([key, value]: [string, JsonValue]): [string, JsonValue] {
  const json = typeof value === 'string' ? value : JSON.stringify(value);
  return json.length <= SHORTENED_FIELD ? [key, value] : [key, cut(json, SHORTENED_FIELD)];
}

const cut = (value: string, length: number): string =>
  value.length <= length ? value : `${value.slice(0, length)}…`;

/** Callers without types may pass what is no string; `String` itself can throw then. */
function text(value: unknown): string {
  if (typeof value === 'string') return value;
  const json = toJsonValue(value);
  return typeof json === 'string' ? json : JSON.stringify(json);
}

const PREFIXES: readonly (readonly [string, LogLevel])[] = [
  ['[TRACE]', 'trace'],
  ['[DEBUG]', 'debug'],
  ['[INFO]', 'info'],
  ['[WARN]', 'warn'],
  ['[ERROR]', 'error'],
];

/**
 * Makes a record of each line that one plugin prints, one after the other, by the rules of go-plugin's host:
 * hclog's JSON, else a level's name in brackets at the beginning, else debug. From a Go panic on, lines
 * without a level of their own are errors.
 *
 * Never throws. Where go-plugin's host crashes (`@message` and its kin being no strings) the line is taken as it stands.
 */
export class LogLineParser {
  #panicking = false;

  /** @param line without its line feed. */
  parse(line: string): LogRecord {
    return this.#parseJson(line) ?? this.#parseText(line);
  }

  #parseText(line: string): LogRecord {
    const tagged = PREFIXES.find(([prefix]) => line.startsWith(prefix));
    if (tagged !== undefined) return verbatim(line, tagged[1]);
    this.#panicking ||= line.startsWith('panic: ') || line.startsWith('fatal error: ');
    return verbatim(line, this.#panicking ? 'error' : 'debug');
  }

  /** @returns undefined if the line is no JSON object of hclog's kind. */
  #parseJson(line: string): LogRecord | undefined {
    const object = parseObject(line);
    if (object === undefined) return undefined;
    const { '@message': message = '', '@level': level = '', '@timestamp': timestamp, ...rest } = object;
    if (typeof message !== 'string' || typeof level !== 'string') return undefined;
    if (timestamp !== undefined && (typeof timestamp !== 'string' || !isLogTimestamp(timestamp))) {
      return undefined;
    }
    const name = level.trim().toLowerCase();
    // JSON of somebody else's: go-plugin shows it whole, at debug, also during a panic.
    if (!isLevel(name)) return verbatim(line, 'debug');
    const { '@module': module, '@caller': caller, ...others } = rest;
    return {
      level: name,
      message,
      ...(typeof module === 'string' ? { module } : {}),
      ...(timestamp === undefined ? {} : { timestamp }),
      ...(typeof caller === 'string' ? { caller } : {}),
      fields: {
        ...others,
        // Of another type they are ordinary fields.
        ...(module === undefined || typeof module === 'string' ? {} : { '@module': module }),
        ...(caller === undefined || typeof caller === 'string' ? {} : { '@caller': caller }),
      },
    };
  }
}

const verbatim = (message: string, level: LogLevel): LogRecord => ({ level, message, fields: {} });

function parseObject(line: string): Record<string, unknown> | undefined {
  // Nearly all lines of other kinds are told apart without the cost of an exception.
  if (!/^[ \t\r\n]*\{/.test(line)) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (!isRecord(value) || !isShallow(value, MAX_FIELD_DEPTH)) return undefined;
  if (!Object.hasOwn(value, PROTOTYPE)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, field]) => [key === PROTOTYPE ? `${PROTOTYPE}_` : key, field]),
  );
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function isShallow(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return depth > 0 && Object.values(value).every((inner) => isShallow(inner, depth - 1));
}
