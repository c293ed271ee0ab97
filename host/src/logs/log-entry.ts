import type { JsonObject, JsonValue } from '@plugd/protocol/json-value';
import type { LogLevel } from '@plugd/protocol/log-record';
import { logLevels } from '../events/logger';

/** What the daemon or one of its plugins has logged. */
export interface LogEntry {
  /** 1, 2, 3 … in one directory, also over restarts of the daemon: a gap means records that were lost. */
  readonly sequence: number;
  /** Milliseconds since the epoch: when the daemon had it. */
  readonly time: number;
  readonly level: LogLevel;
  readonly message: string;
  /** Empty: the daemon itself. */
  readonly plugin: string;
  /** Of the instance that logged it; empty where that isn't known, or none did. */
  readonly version: string;
  /** 0 where the version is empty. */
  readonly generation: number;
  /** Empty: none. */
  readonly instance: string;
  readonly fields: JsonObject;
}

/** A longer line on disk gives way: first its fields, then the end of its message. */
export const longestLineBytes = 256 * 1024;
const shortenedField = 4096;
const shortenedMessage = 16_384;

/** What a terminal takes for more than a character, and JSON leaves as it is. They stand in its strings only. */
const unsafe = /[\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]/g;

/**
 * One line of JSON, line feed included, that a terminal can be shown: whoever looks into the file needs no tool. At most
 * {@link longestLineBytes} and a little; what is longer says by `truncated` how many bytes there were.
 */
export function formatEntry(entry: LogEntry): string {
  const line = lineOf(entry);
  // No character takes more than three bytes for each of its UTF-16 units.
  if (line.length * 3 <= longestLineBytes) return line;
  const truncated = Buffer.byteLength(line);
  if (truncated <= longestLineBytes) return line;
  const fields = Object.fromEntries(Object.entries(entry.fields).map(shortened));
  const shorter = lineOf({ ...entry, fields: { ...fields, truncated } });
  if (Buffer.byteLength(shorter) <= longestLineBytes) return shorter;
  return lineOf({ ...entry, message: cut(entry.message, shortenedMessage), fields: { truncated } });
}

function lineOf({ time, sequence, level, message, plugin, version, generation, instance, fields }: LogEntry) {
  const record = {
    time: new Date(time).toISOString(),
    sequence,
    level,
    message,
    ...(plugin === '' ? {} : { plugin }),
    ...(version === '' ? {} : { version, generation }),
    ...(instance === '' ? {} : { instance }),
    ...(Object.keys(fields).length === 0 ? {} : { fields }),
  };
  const json = JSON.stringify(record).replace(unsafe, escaped);
  return `${json}\n`;
}

const escaped = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

function shortened([key, value]: [string, JsonValue]): [string, JsonValue] {
  const json = typeof value === 'string' ? value : JSON.stringify(value);
  return json.length <= shortenedField ? [key, value] : [key, cut(json, shortenedField)];
}

const cut = (text: string, length: number): string =>
  text.length <= length ? text : `${text.slice(0, length)}…`;

/** What a line says, without its line feed; undefined for one that was cut off, or isn't one of ours. */
export function parseEntry(line: string): LogEntry | undefined {
  const record = parsed(line);
  if (record === undefined) return undefined;
  const { sequence, time, level, message, plugin, version, generation, instance, fields } = record;
  const at = typeof time === 'string' ? Date.parse(time) : Number.NaN;
  if (!isLevel(level) || Number.isNaN(at)) return undefined;
  if (typeof sequence !== 'number' || typeof message !== 'string') return undefined;
  return {
    sequence,
    time: at,
    level,
    message,
    plugin: text(plugin),
    version: text(version),
    generation: typeof generation === 'number' ? generation : 0,
    instance: text(instance),
    fields: isObject(fields) ? fields : {},
  };
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '');

function parsed(line: string): JsonObject | undefined {
  try {
    const value: JsonValue = JSON.parse(line);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

export const isObject = (value: JsonValue | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isLevel = (value: unknown): value is LogLevel => logLevels.some((level) => level === value);

/** Whether the one level is as important as the other, or more. */
export const atLeast = (level: LogLevel, minimum: LogLevel): boolean =>
  logLevels.indexOf(level) >= logLevels.indexOf(minimum);
