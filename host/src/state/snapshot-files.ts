import { type FileHandle, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { openPrivateDirectory, syncDirectory, takingIntoUse } from './private-directory';
import type { SealedSnapshot } from './sealed-snapshot';
import type { Snapshot } from './snapshot';
import { SnapshotDamaged } from './snapshot-damaged';
import { readSnapshotFile, writeSnapshotFile } from './snapshot-file';
import { SnapshotKey } from './snapshot-key';
import type { KeptSnapshot } from './snapshot-record';

const suffix = '.snapshot';
const temporaryPrefix = 'new-';

/** A directory with a file for each snapshot, which is there whole or not at all, and their key. */
export class SnapshotFiles {
  readonly directory: string;
  readonly #key: SnapshotKey;
  /** Names of the files that are being written. */
  readonly #writing = new Set<string>();

  private constructor(directory: string, key: SnapshotKey) {
    this.directory = directory;
    this.#key = key;
  }

  /** Throws PluginError STATE_DIR_UNUSABLE, STATE_FORMAT_NEWER. */
  static async open(directory: string): Promise<SnapshotFiles> {
    await openPrivateDirectory(directory);
    return new SnapshotFiles(directory, await takingIntoUse(directory, () => SnapshotKey.open(directory)));
  }

  pathOf(id: string): string {
    return join(this.directory, `${id}${suffix}`);
  }

  async ids(): Promise<string[]> {
    const names = await takingIntoUse(this.directory, () => readdir(this.directory));
    return names.filter((name) => name.endsWith(suffix)).map((name) => name.slice(0, -suffix.length));
  }

  /**
   * It is safe when this resolves; where `durable` is false, not from a loss of power. Throws SnapshotDamaged, or what the
   * file system or the source says.
   */
  async write(record: KeptSnapshot, snapshot: Snapshot, durable: boolean): Promise<void> {
    const name = `${temporaryPrefix}${record.id}`;
    const temporary = join(this.directory, name);
    this.#writing.add(name);
    try {
      // Beside the writing: a plugin's calls wait while its state is kept, and each look at the disk takes its time.
      const ready = this.#makeReady();
      ready.catch(() => {});
      const make = () => open(temporary, 'wx', 0o600);
      const file = await make().catch(() => ready.then(make));
      try {
        await writeSnapshotFile(file, this.#key.bytes, record, snapshot);
        if (durable) await file.sync();
      } finally {
        await file.close();
      }
      await rename(temporary, this.pathOf(record.id));
      await ready;
      if (durable) await syncDirectory(this.directory);
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => {});
      await this.remove(record.id).catch(() => {});
      throw error;
    } finally {
      this.#writing.delete(name);
    }
  }

  /** Whatever cleans up old files may have been here. Throws PluginError STATE_DIR_UNUSABLE, STATE_DIR_IN_USE. */
  async #makeReady(): Promise<void> {
    await openPrivateDirectory(this.directory);
    await this.#key.ensureKept();
  }

  /** Throws SnapshotDamaged, SnapshotFormatUnknown, or what the file system says. */
  async readRecord(id: string): Promise<KeptSnapshot> {
    const file = await open(this.pathOf(id), 'r');
    try {
      return (await this.#readOwn(file, id)).record;
    } finally {
      await file.close();
    }
  }

  /** The bytes, each piece as it was written. Throws as {@link readRecord}. */
  async *readContent(id: string): AsyncGenerator<Buffer, void, undefined> {
    const file = await open(this.pathOf(id), 'r');
    try {
      yield* (await this.#readOwn(file, id)).content();
    } finally {
      await file.close();
    }
  }

  async factsOf(id: string): Promise<{ readonly bytes: number; readonly modifiedAt: number }> {
    const about = await stat(this.pathOf(id)).catch(() => undefined);
    return { bytes: about?.size ?? 0, modifiedAt: about?.mtimeMs ?? 0 };
  }

  async remove(id: string): Promise<void> {
    await rm(this.pathOf(id), { force: true });
  }

  /** Removes what a killed host left half-written. */
  async removeHalves(): Promise<void> {
    for (const name of await readdir(this.directory).catch(() => [])) {
      if (!name.startsWith(temporaryPrefix) || this.#writing.has(name)) continue;
      await rm(join(this.directory, name), { force: true }).catch(() => {});
    }
  }

  /** A file under another one's name is as good as a forged one. */
  async #readOwn(file: FileHandle, id: string): Promise<SealedSnapshot> {
    const sealed = await readSnapshotFile(file, this.#key.bytes);
    if (sealed.record.id !== id) throw new SnapshotDamaged('it is the copy of another one');
    return sealed;
  }
}
