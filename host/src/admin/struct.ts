import { type JsonObject, toJsonValue } from '@plugd/protocol/json-value';
import { isRecord } from '../instance/option-check';

/** Plain data of the library as a message has it: what is undefined is left out, and numbers beyond JSON are text. */
export function asStruct(value: object): JsonObject {
  const plain = toJsonValue(withoutUndefined(value));
  return isStruct(plain) ? plain : {};
}

export function isStruct(value: unknown): value is JsonObject {
  return isRecord(value) && !Array.isArray(value);
}

function withoutUndefined(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutUndefined);
  // What says by itself what it is in JSON is asked.
  if (typeof value !== 'object' || value === null || 'toJSON' in value) return value;
  if (Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, one]) => (one === undefined ? [] : [[key, withoutUndefined(one)]])),
  );
}
