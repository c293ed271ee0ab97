import { access, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { PluginError } from '@plugd/protocol/plugin-error';
import { syncDirectory, takingIntoUse } from '../state/private-directory';
import { encode, endKey, headKey, journalFormat, journalFormats, lineKey, metaKey } from './journal-record';
import { journalDamaged } from './journal-refusal';
import { isWhole } from './level-check';
import { LevelDirectory } from './level-directory';
import { LevelFiles } from './level-files';
import { salvageRecords } from './level-salvage';
import { OperationReader, type ReadOperation } from './operation-reader';

export interface OpenedFiles {
  readonly files: LevelFiles;
  readonly reader: OperationReader;
  /** JOURNAL_DAMAGED, if it was. */
  readonly problem: PluginError | undefined;
}

/**
 * Opens the database below a directory and reads all of it. Of a damaged one what can be read is written into a new one, and
 * what was found is put aside; it is never changed on the way. Throws PluginError STATE_DIR_IN_USE, STATE_DIR_UNUSABLE,
 * STATE_FORMAT_NEWER.
 */
export function openFiles(directory: string): Promise<OpenedFiles> {
  return takingIntoUse(directory, async () => {
    const path = join(directory, 'db');
    const fresh = join(directory, 'new');
    const aside = join(directory, 'damaged');
    // Killed between the two names of the exchange below.
    if (!(await exists(path)) && (await exists(aside)) && (await exists(fresh))) await rename(fresh, path);
    await removeAll(fresh);

    const found = await read(path);
    if (found.files !== undefined) return { files: found.files, reader: found.reader, problem: undefined };
    const { operations } = found.reader;
    // If it is the file system that refuses, for want of room or of rights, it refuses this too, and nothing is touched.
    await writeNew(fresh, operations);
    await removeAll(aside);
    await rename(path, aside);
    await rename(fresh, path);
    await syncDirectory(directory);
    const what = `${found.damage}; ${operations.length} operations could be read and are kept`;
    const problem = journalDamaged({ path: directory, what, copy: aside, cause: found.cause });
    const { files, reader } = await read(path);
    if (files === undefined) throw new Error('what was just written can not be read');
    return { files, reader, problem };
  });
}

interface Reading {
  /** Undefined: it is damaged, and closed. */
  readonly files?: LevelFiles;
  /** What could be read. */
  readonly reader: OperationReader;
  readonly damage?: string;
  readonly cause?: unknown;
}

async function read(path: string): Promise<Reading> {
  const found = await LevelDirectory.list(path);
  if (!(await isWhole(found))) {
    // Another host may have been writing it.
    await LevelFiles.expectUnused(path);
    const left = await LevelDirectory.list(path);
    if (!(await isWhole(left)))
      return salvaged(path, left, { damage: 'some of its files were changed or are gone' });
  }
  let files: LevelFiles | undefined;
  try {
    // Without the file that names the others it would begin anew, and remove them.
    files = await LevelFiles.open(path, { createIfMissing: !found.used });
    const reader = new OperationReader();
    for await (const [key, value] of files.entries()) reader.add(key, value);
    reader.finish();
    expectFormat(reader, path);
    const damage = damageOf(reader);
    if (damage === undefined) return { files, reader };
    await files.close();
    return { reader, damage };
  } catch (cause) {
    await files?.close().catch(() => {});
    if (cause instanceof PluginError) throw cause;
    const left = await LevelDirectory.list(path);
    return salvaged(path, left, { damage: 'its files could not be opened or read', cause });
  }
}

async function salvaged(
  path: string,
  directory: LevelDirectory,
  why: { readonly damage: string; readonly cause?: unknown },
): Promise<Reading> {
  const reader = new OperationReader();
  for (const [key, value] of await salvageRecords(directory)) reader.add(key, value);
  reader.finish();
  expectFormat(reader, path);
  return { reader, ...why };
}

/** Throws PluginError STATE_FORMAT_NEWER. */
export function expectFormat({ meta }: OperationReader, database: string): void {
  const path = dirname(database);
  const format = meta?.['format'];
  // One that says nothing of itself is damaged, which is found out with the rest.
  if (typeof format !== 'number' || journalFormats.includes(format)) return;
  throw new PluginError('STATE_FORMAT_NEWER', `The journal in ${path} has format ${format}.`, {
    facts: { path, format, known: journalFormats },
  });
}

/** Why not all that was found may be believed; undefined: it may. */
export function damageOf({ meta, records, spoilt, operations }: OperationReader): string | undefined {
  // It was just made, or its host was killed before it wrote anything.
  if (meta === undefined && records === 0) return undefined;
  const expected = meta?.['records'];
  if (typeof expected !== 'number') return 'how many records it had is lost';
  if (expected !== records) return `of ${expected} records ${records} were there`;
  const broken = spoilt + operations.filter(({ intact }) => !intact).length;
  return broken === 0 ? undefined : 'some of its records were changed';
}

/** Whether one that has no end went further than its lines say nobody knows, from now on. */
async function writeNew(path: string, operations: readonly ReadOperation[]): Promise<void> {
  const files = await LevelFiles.open(path, { createIfMissing: true });
  try {
    let records = 0;
    for (const operation of operations) {
      const put = recordsOf(operation).map(([key, text]) => ({ key, value: encode(key, text) }));
      records += put.length;
      await files.write({ put, remove: [], sync: false });
    }
    const meta = JSON.stringify({ format: journalFormat, records });
    await files.write({ put: [{ key: metaKey, value: encode(metaKey, meta) }], remove: [], sync: true });
  } finally {
    await files.close();
  }
}

function recordsOf({ number, head, lines, outcome, beganAt, endedAt }: ReadOperation): [string, string][] {
  const doubtful = outcome === undefined ? { doubtful: true } : {};
  const records: [string, string][] = [
    [headKey(number), JSON.stringify({ head, at: beganAt, ...doubtful })],
    ...lines.map((line, index): [string, string] => [lineKey(number, index), JSON.stringify({ line })]),
  ];
  if (outcome === undefined) return records;
  return [...records, [endKey(number), JSON.stringify({ outcome, lines: lines.length, at: endedAt ?? 0 })]];
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

async function removeAll(...paths: readonly string[]): Promise<void> {
  for (const path of paths) await rm(path, { recursive: true, force: true });
}
