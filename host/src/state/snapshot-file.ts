import type { FileHandle } from 'node:fs/promises';
import type { FormatReader, SealedSnapshot } from './sealed-snapshot';
import type { Snapshot } from './snapshot';
import { SnapshotDamaged, SnapshotFormatUnknown } from './snapshot-damaged';
import { readFormat1, writeFormat1 } from './snapshot-format-1';
import type { KeptSnapshot } from './snapshot-record';

/** What every format begins with, for ever: these bytes, and its number in two more. */
const magic = Buffer.from('plugdsnp', 'latin1');
const prefixBytes = magic.length + 2;
const currentFormat = 1;

/** A format is never taken out before two releases after the last one that wrote it. */
const readers: ReadonlyMap<number, FormatReader> = new Map([[1, readFormat1]]);

export const knownFormats: readonly number[] = [...readers.keys()];

/** Throws SnapshotDamaged, SnapshotFormatUnknown, or what the file system says. */
export async function readSnapshotFile(file: FileHandle, key: Buffer): Promise<SealedSnapshot> {
  const prefix = Buffer.alloc(prefixBytes);
  const { bytesRead } = await file.read(prefix, 0, prefixBytes, 0);
  if (bytesRead < prefixBytes || !prefix.subarray(0, magic.length).equals(magic)) {
    throw new SnapshotDamaged('it does not begin as a snapshot does');
  }
  const format = prefix.readUInt16BE(magic.length);
  const read = readers.get(format);
  if (read === undefined) throw new SnapshotFormatUnknown(format);
  return read(file, prefix, key);
}

/**
 * Writes the current format into an empty file. Throws SnapshotDamaged if the snapshot does not give the bytes that it says,
 * or what the file system or the snapshot's own source says.
 */
export async function writeSnapshotFile(
  file: FileHandle,
  key: Buffer,
  record: KeptSnapshot,
  snapshot: Snapshot,
): Promise<void> {
  const prefix = Buffer.alloc(prefixBytes);
  magic.copy(prefix);
  prefix.writeUInt16BE(currentFormat, magic.length);
  await writeFormat1(file, prefix, key, record, snapshot);
}
