import type { FileHandle } from 'node:fs/promises';
import type { KeptSnapshot } from './snapshot-record';

/** A file whose record has been read and is what its writer wrote. */
export interface SealedSnapshot {
  readonly record: KeptSnapshot;
  /**
   * The bytes, each piece as it was written: it throws instead of giving another. That they are all, and that their digest
   * is the record's, is known when the last piece comes. The file has to stay open until then.
   */
  content(): AsyncGenerator<Buffer, void, undefined>;
}

/**
 * Reads what follows the prefix; the prefix is part of what is authenticated. Throws SnapshotDamaged, or what the file
 * system says.
 */
export type FormatReader = (file: FileHandle, prefix: Buffer, key: Buffer) => Promise<SealedSnapshot>;
