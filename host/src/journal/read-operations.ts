import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { takingIntoUse } from '../state/private-directory';
import type { JournaledOperation } from './journal';
import { isWhole, withoutOldFiles } from './level-check';
import { LevelDirectory } from './level-directory';
import { salvageRecords } from './level-salvage';
import { OperationReader } from './operation-reader';
import { damageOf, expectFormat } from './salvage';

/** An operation as it stands in the files. */
export interface FoundOperation extends JournaledOperation {
  /** False: it may have gone further than its lines say. */
  readonly intact: boolean;
}

export interface FoundJournal {
  /** The oldest first. */
  readonly operations: readonly FoundOperation[];
  /** What is wrong with the files, in words; undefined: nothing. */
  readonly damage: string | undefined;
}

/**
 * What a journal holds, by reading its files alone: nothing is locked, repaired or written, whether a host uses it or not. Of one that
 * is used the last lines may be missing. Undefined: there is none.
 *
 * Throws PluginError STATE_DIR_UNUSABLE where the files can't be read, STATE_FORMAT_NEWER.
 */
export function readOperations(directory: string): Promise<FoundJournal | undefined> {
  return takingIntoUse(directory, async () => {
    const found = await databaseIn(directory);
    if (found === undefined) return undefined;
    const { reader, whole } = await readStill(found);
    reader.finish();
    expectFormat(reader, found);
    const damage = whole ? damageOf(reader) : 'some of its files were changed or are gone';
    const latest = new Map(reader.operations.map(({ head, number }) => [head.plugin, number]));
    const operations = reader.operations.map(
      ({ number, head, lines, outcome, beganAt, endedAt, doubtful }) => ({
        head,
        lines,
        outcome,
        beganAt,
        endedAt,
        // There is one operation at a time on a plugin: if a later one was begun, this one had ended.
        intact: damage === undefined && !doubtful && latest.get(head.plugin) === number,
      }),
    );
    return { operations, damage };
  });
}

interface Reading {
  readonly reader: OperationReader;
  readonly whole: boolean;
}

const mostTries = 10;

/** A host that uses them may put records from one file into another one meanwhile. */
async function readStill(path: string): Promise<Reading> {
  for (let tries = 1; ; tries++) {
    const before = await LevelDirectory.list(path);
    const reading = await read(before);
    if (tries === mostTries || isDeepStrictEqual(before, await LevelDirectory.list(path))) return reading;
  }
}

async function read(directory: LevelDirectory): Promise<Reading> {
  const reader = new OperationReader();
  const used = (await withoutOldFiles(directory)) ?? directory;
  for (const [key, value] of await salvageRecords(used)) reader.add(key, value);
  return { reader, whole: await isWhole(directory) };
}

/** A host that was killed while it put a damaged one aside has left the new one under another name. */
async function databaseIn(directory: string): Promise<string | undefined> {
  for (const name of ['db', 'new']) {
    const path = join(directory, name);
    if ((await LevelDirectory.list(path)).used) return path;
  }
  return undefined;
}
