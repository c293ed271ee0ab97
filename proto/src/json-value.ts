import { types } from 'node:util';

/** What JSON can say. */
export type JsonValue = string | number | boolean | null | readonly JsonValue[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: JsonValue;
}

const MAX_DEPTH = 16;
const MAX_VALUES = 10_000;

/**
 * Any value as one that JSON can say, never throwing: an error becomes its message unless it has a toJSON of
 * its own, bytes become base64 (Go does the same with both), a Map an object, a Set an array; a bigint, a symbol
 * or a number without JSON form its text; undefined null. What is circular, deeper than 16 levels, beyond
 * 10,000 values or throws when it is read is named instead of shown.
 */
export function toJsonValue(value: unknown): JsonValue {
  return new Conversion().convert(value);
}

class Conversion {
  /** The objects that are being converted; what is found among them again is a circle. */
  readonly #parents: object[] = [];
  #left = MAX_VALUES;

  convert(value: unknown): JsonValue {
    this.#left -= 1;
    if (typeof value === 'object' && value !== null) return this.#object(value);
    if (typeof value === 'string' || typeof value === 'boolean') return value;
    if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
    if (typeof value === 'bigint' || typeof value === 'symbol') return String(value);
    return typeof value === 'function' ? '[Function]' : null;
  }

  #object(value: object): JsonValue {
    if (this.#parents.includes(value)) return '[Circular]';
    if (this.#parents.length >= MAX_DEPTH) return '[Too deep]';
    this.#parents.push(value);
    try {
      return this.#readable(value);
    } catch {
      // A getter, a proxy or a toJSON that throws.
      return '[Unreadable]';
    } finally {
      this.#parents.pop();
    }
  }

  #readable(value: object): JsonValue {
    // Asked by type, not by instanceof: a value may come from another realm (node:vm).
    if (types.isUint8Array(value)) {
      return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64');
    }
    if ('toJSON' in value && typeof value.toJSON === 'function') return this.convert(value.toJSON());
    if (types.isNativeError(value) || value instanceof Error) return String(value.message);
    if (Array.isArray(value) || types.isSet(value)) return this.#items(value);
    return this.#entries(types.isMap(value) ? value : ownEntries(value));
  }

  #items(values: Iterable<unknown>): JsonValue {
    const items: JsonValue[] = [];
    for (const value of values) {
      if (this.#left <= 0) return [...items, '[Too many]'];
      items.push(this.convert(value));
    }
    return items;
  }

  #entries(entries: Iterable<readonly [unknown, unknown]>): JsonValue {
    const converted: [string, JsonValue][] = [];
    for (const [key, value] of entries) {
      if (this.#left <= 0) {
        converted.push(['[Too many]', true]);
        break;
      }
      converted.push([String(key), this.convert(value)]);
    }
    // fromEntries defines properties, so that a key named __proto__ is a key like any other.
    return Object.fromEntries(converted);
  }
}

/** Like Object.entries, but a getter that throws costs only its own field. */
function* ownEntries(value: object): Iterable<readonly [string, unknown]> {
  for (const key of Object.keys(value)) {
    let item: unknown;
    try {
      item = Reflect.get(value, key);
    } catch {
      item = '[Unreadable]';
    }
    yield [key, item];
  }
}
