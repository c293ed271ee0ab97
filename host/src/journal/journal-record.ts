import { crc32 } from 'node:zlib';
import type { JsonObject, JsonValue } from '@plugd/protocol/json-value';

/*
 * Keys sort as what they name: an operation by its number, its lines behind it by theirs.
 *
 *   meta                              { format, records }   how many records there are beside this one
 *   operation/<number>/head           { head, at, doubtful? }
 *   operation/<number>/line/<number>  { line }              from 0
 *   operation/<number>/end            { outcome, lines, at }
 *
 * A value is the CRC-32 of key and text, in 8 digits, and then the text, JSON. LevelDB drops what is damaged in its log without
 * a word, and does not look at the sums in its tables: these, and the number of records, tell.
 */
export const metaKey = 'meta';
export const journalFormat = 1;
/** Those that this release reads: none is taken out before two releases after the last one that wrote it. */
export const journalFormats: readonly number[] = [1];
const digits = 12;

export type RecordName =
  | { readonly kind: 'head' | 'end'; readonly operation: number }
  | { readonly kind: 'line'; readonly operation: number; readonly line: number };

const padded = (number: number) => String(number).padStart(digits, '0');

export const headKey = (operation: number) => `operation/${padded(operation)}/head`;
export const endKey = (operation: number) => `operation/${padded(operation)}/end`;
export const lineKey = (operation: number, line: number) =>
  `operation/${padded(operation)}/line/${padded(line)}`;
/** Every key of an operation lies between the two. */
export const keysOf = (operation: number) => ({
  gte: `operation/${padded(operation)}/`,
  lt: `operation/${padded(operation)}0`,
});

/** And every key of a record between these. */
export const allKeys = { gte: 'operation/', lt: 'operation0' };

/** Undefined: it is the key of no record. */
export function parseKey(key: string): RecordName | undefined {
  const match = /^operation\/(\d{12})\/(?:(head|end)|line\/(\d{12}))$/.exec(key);
  if (match === null) return undefined;
  const operation = Number(match[1]);
  const line = match[3];
  if (line !== undefined) return { kind: 'line', operation, line: Number(line) };
  return { kind: match[2] === 'head' ? 'head' : 'end', operation };
}

export function encode(key: string, text: string): string {
  return sum(key, text) + text;
}

/** Undefined: it is not what was written, or no object. */
export function decode(key: string, stored: string): JsonObject | undefined {
  const text = stored.slice(8);
  if (stored.slice(0, 8) !== sum(key, text)) return undefined;
  try {
    const value: JsonValue = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function sum(key: string, text: string): string {
  return crc32(`${key}\n${text}`).toString(16).padStart(8, '0');
}
