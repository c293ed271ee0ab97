import type { JsonObject, JsonValue } from '@plugd/protocol/json-value';
import type { JournaledOperation, OperationHead } from './journal';
import { decode, isObject, metaKey, parseKey, type RecordName } from './journal-record';

/** An operation as its records tell it. */
export interface ReadOperation extends JournaledOperation {
  readonly number: number;
  /** Every record is there and as it was written, as far as the operation itself can tell. */
  readonly intact: boolean;
  /** An earlier host found that not all of it may be believed. */
  readonly doubtful: boolean;
}

/** Puts records together, which come in the order of their keys. */
export class OperationReader {
  readonly operations: ReadOperation[] = [];
  /** How many records there were, whatever became of them. */
  records = 0;
  meta: JsonObject | undefined;
  /** How many of them are of no use. */
  spoilt = 0;
  #parts: Parts | undefined;

  add(key: string, stored: string): void {
    const value = decode(key, stored);
    if (key === metaKey) {
      this.meta = value;
      return;
    }
    this.records += 1;
    const name = parseKey(key);
    if (name === undefined) {
      this.spoilt += 1;
      return;
    }
    if (this.#parts?.number !== name.operation) {
      this.finish();
      this.#parts = { number: name.operation, lines: [], intact: true };
    }
    const parts = this.#parts;
    if (value === undefined || !take(parts, name, value)) {
      parts.intact = false;
      this.spoilt += 1;
    }
  }

  /** There are no more records. */
  finish(): void {
    const parts = this.#parts;
    this.#parts = undefined;
    if (parts === undefined) return;
    const operation = whole(parts);
    if (operation === undefined) this.spoilt += 1;
    else this.operations.push(operation);
  }
}

/** False: it says nothing. A line behind a gap does not: nobody knows what came between. */
function take(parts: Parts, name: RecordName, value: JsonObject): boolean {
  if (name.kind !== 'line') {
    parts[name.kind] = value;
    return true;
  }
  if (name.line !== parts.lines.length) return false;
  parts.lines.push(value['line'] ?? null);
  return true;
}

interface Parts {
  readonly number: number;
  readonly lines: JsonValue[];
  head?: JsonObject;
  end?: JsonObject;
  intact: boolean;
}

function whole({ number, head: headRecord, lines, end, intact }: Parts): ReadOperation | undefined {
  const head = headRecord?.['head'];
  if (!isHead(head)) return undefined;
  return {
    number,
    head,
    lines,
    outcome: end === undefined ? undefined : (end['outcome'] ?? null),
    beganAt: numberOr(headRecord?.['at'], 0),
    endedAt: end === undefined ? undefined : numberOr(end['at'], 0),
    intact: intact && (end === undefined || end['lines'] === lines.length),
    doubtful: headRecord?.['doubtful'] === true,
  };
}

function isHead(value: JsonValue | undefined): value is OperationHead {
  return isObject(value) && typeof value['id'] === 'string' && typeof value['plugin'] === 'string';
}

function numberOr(value: JsonValue | undefined, otherwise: number): number {
  return typeof value === 'number' ? value : otherwise;
}
