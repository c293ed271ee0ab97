import { type Change, changesOf } from './level-batch';
import type { LevelDirectory } from './level-directory';
import { readLog } from './level-log';
import { readTable, type TableEntry } from './level-table';
import { Malformed, unlessMalformed } from './malformed';

/** What can be read of a damaged LevelDB, in the order of the keys: whatever stands behind a sum that is right. */
export async function salvageRecords(directory: LevelDirectory): Promise<[key: string, value: string][]> {
  const latest = new Map<string, Change>();
  const take = (change: Change) => {
    const known = latest.get(change.key);
    if (known === undefined || known.number < change.number) latest.set(change.key, change);
  };
  for (const { name } of directory.tables) {
    const { blocks } = readTable((await directory.read(name)) ?? Buffer.alloc(0));
    for (const block of blocks) unlessMalformed(() => block().map(changeOf))?.forEach(take);
  }
  for (const { name } of directory.logs) {
    const { records } = readLog((await directory.read(name)) ?? Buffer.alloc(0));
    for (const record of records) unlessMalformed(() => changesOf(record))?.forEach(take);
  }
  return [...latest.values()]
    .flatMap(({ key, value }): [string, string][] => (value === undefined ? [] : [[key, value]]))
    .sort(([one], [other]) => (one < other ? -1 : 1));
}

/** Throws Malformed where it is none. */
function changeOf({ key, value }: TableEntry): Change {
  const place = key.length - 8;
  if (place < 0) throw new Malformed('the key has no number');
  const trailer = key.readBigUInt64LE(place);
  const removed = (trailer & 0xffn) === 0n;
  return {
    key: key.toString('utf8', 0, place),
    number: trailer >> 8n,
    value: removed ? undefined : value.toString(),
  };
}
