import { ByteCursor } from './byte-cursor';
import { readLog } from './level-log';
import { Malformed, unlessMalformed } from './malformed';

/** What a manifest says of a table. */
export interface TableFacts {
  readonly size: number;
  readonly smallest: Buffer;
  readonly largest: Buffer;
}

/** Which files LevelDB reads when it opens. */
export interface Manifest {
  readonly tables: ReadonlyMap<number, TableFacts>;
  /** Logs before this one are in tables. */
  readonly firstLog: number;
  /** That of a release of LevelDB that kept two; else 0. */
  readonly previousLog: number;
}

const levels = 7;

/** A manifest is a log of changes. Undefined: it is damaged. */
export function readManifest(bytes: Buffer): Manifest | undefined {
  const { whole, records } = readLog(bytes);
  return whole ? unlessMalformed(() => follow(records)) : undefined;
}

function follow(changes: readonly Buffer[]): Manifest {
  const tables = new Map<number, TableFacts>();
  let firstLog = 0;
  let previousLog = 0;
  for (const change of changes) {
    const cursor = new ByteCursor(change);
    const added = new Map<number, TableFacts>();
    while (!cursor.atEnd) {
      const tag = cursor.varint();
      if (tag === 1) cursor.prefixed();
      else if (tag === 2) firstLog = cursor.varint();
      else if (tag === 3 || tag === 4) cursor.varint();
      else if (tag === 5) {
        level(cursor);
        cursor.prefixed();
      } else if (tag === 6) {
        level(cursor);
        tables.delete(cursor.varint());
      } else if (tag === 7) {
        level(cursor);
        const number = cursor.varint();
        added.set(number, {
          size: cursor.varint(),
          smallest: cursor.prefixed(),
          largest: cursor.prefixed(),
        });
      } else if (tag === 9) previousLog = cursor.varint();
      else throw new Malformed('there is no such change');
    }
    // A table that changes its level is removed and added at once.
    for (const [number, facts] of added) tables.set(number, facts);
  }
  return { tables, firstLog, previousLog };
}

function level(cursor: ByteCursor): void {
  if (cursor.varint() >= levels) throw new Malformed('there is no such level');
}
