import { ByteCursor } from './byte-cursor';
import { Malformed } from './malformed';

/** A change of a record. The latest one, by its number, is what counts. */
export interface Change {
  readonly key: string;
  readonly number: bigint;
  /** Undefined: it was removed. */
  readonly value: string | undefined;
}

/** The changes of a record of the log, which are made together. Throws Malformed where it is none. */
export function changesOf(batch: Buffer): Change[] {
  const cursor = new ByteCursor(batch);
  const first = cursor.take(8).readBigUInt64LE();
  const count = cursor.take(4).readUInt32LE();
  const changes: Change[] = [];
  while (!cursor.atEnd) {
    const number = first + BigInt(changes.length);
    const kind = cursor.byte();
    if (kind > 1) throw new Malformed('there is no such change');
    const key = cursor.prefixed().toString();
    changes.push({ key, number, value: kind === 0 ? undefined : cursor.prefixed().toString() });
  }
  if (changes.length !== count) throw new Malformed('there are more or fewer than it says');
  return changes;
}
