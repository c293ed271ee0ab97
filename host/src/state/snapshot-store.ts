import { randomUUID } from 'node:crypto';
import { LONGEST_TIMER_MS } from '@plugd/protocol/longest-timer';
import type { PluginError } from '@plugd/protocol/plugin-error';
import { isSystemError } from '../artifact/system-error';
import { Shelf } from './shelf';
import type { Snapshot } from './snapshot';
import { SnapshotDamaged } from './snapshot-damaged';
import { SnapshotFiles } from './snapshot-files';
import type { KeptSnapshot, SnapshotOrigin } from './snapshot-record';
import { notFound, notKept, unreadable } from './snapshot-refusal';
import { resolveStoreOptions, type SnapshotStoreOptions, type StoreLimits } from './snapshot-store-options';

export interface KeepOptions {
  /**
   * Default true: the snapshot is there even if the machine loses its power now. False: only if this process is killed;
   * after a loss of power it may be gone, or be refused as corrupt. For where calls wait until it is kept.
   */
  readonly durable?: boolean;
}

/**
 * Snapshots on disk, encrypted: for going back, and for what comes after a crash. The directory belongs to one store at a
 * time; its owner sees to that. After a crash in the middle of anything each snapshot is there whole, or not at all.
 */
export class SnapshotStore {
  /** What was found in the directory at the start and can't be read; it goes when its time is over. For the host's log. */
  readonly problems: readonly PluginError[];
  readonly #files: SnapshotFiles;
  readonly #limits: StoreLimits;
  readonly #shelf: Shelf;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  private constructor(
    limits: StoreLimits,
    files: SnapshotFiles,
    shelf: Shelf,
    problems: readonly PluginError[],
  ) {
    this.#limits = limits;
    this.#files = files;
    this.#shelf = shelf;
    this.problems = problems;
  }

  /**
   * Makes what is missing, removes what a killed host left half-written and what is too old or too much.
   * Throws PluginError STATE_DIR_UNUSABLE, STATE_FORMAT_NEWER (of the key: no snapshot can be read), OPTIONS_INVALID.
   */
  static async open(options: SnapshotStoreOptions): Promise<SnapshotStore> {
    const limits = resolveStoreOptions(options);
    const files = await SnapshotFiles.open(limits.directory);
    const shelf = new Shelf(limits);
    const problems: PluginError[] = [];
    for (const id of await files.ids()) {
      try {
        shelf.addFound(await files.readRecord(id));
      } catch (error) {
        problems.push(unreadable(files.pathOf(id), error));
        shelf.addUnreadable(id, await files.factsOf(id));
      }
    }
    const store = new SnapshotStore(limits, files, shelf, problems);
    await store.sweep();
    return store;
  }

  /**
   * Writes a snapshot down. It is safe when this resolves, see {@link KeepOptions}; then what the limits leave no room for
   * goes, the newest of each plugin last. Throws PluginError SNAPSHOT_NOT_KEPT (too large, or what the file system says) and SNAPSHOT_CORRUPT
   * (the snapshot does not give the bytes that it says); then nothing has changed.
   */
  async keep(
    { plugin, version, generation }: SnapshotOrigin,
    snapshot: Snapshot,
    { durable = true }: KeepOptions = {},
  ): Promise<KeptSnapshot> {
    const record: KeptSnapshot = {
      id: randomUUID(),
      sequence: this.#shelf.nextSequence(),
      plugin,
      version,
      generation,
      schema: snapshot.schema,
      bytes: snapshot.bytes,
      sha256: snapshot.sha256.toString('hex'),
      takenAt: Math.max(0, Math.round(this.#limits.now())),
    };
    const { maxBytes, maxSnapshotBytes } = this.#limits;
    const most = Math.min(maxBytes, maxSnapshotBytes);
    if (record.bytes > most) throw notKept(record, this.#files.directory, `at most ${most} bytes are kept`);
    try {
      await this.#files.write(record, snapshot, durable);
    } catch (error) {
      throw error instanceof SnapshotDamaged
        ? unreadable(`the snapshot of ${plugin}`, error)
        : notKept(record, this.#files.directory, 'it could not be written', error);
    }
    this.#shelf.add(record);
    // Nobody has to wait for older ones to go.
    void this.sweep();
    return record;
  }

  /** The newest of a plugin, or the newest that `accept` takes; undefined if there is none. */
  latest(
    plugin: string,
    accept: (schema: number, version: string) => boolean = () => true,
  ): KeptSnapshot | undefined {
    return this.list(plugin).findLast(({ schema, version }) => accept(schema, version));
  }

  /** Those of a plugin, or all: the oldest first. */
  list(plugin?: string): readonly KeptSnapshot[] {
    return this.#shelf.records().filter((record) => plugin === undefined || record.plugin === plugin);
  }

  /** How old a snapshot is, in ms: by the monotonic clock since this store knows it. Undefined: it is not in the list. */
  ageMs(id: string): number | undefined {
    return this.#shelf.ageMs(id);
  }

  /**
   * A kept snapshot, read and decrypted to its end once before this resolves; each read of it checks all of it again.
   * Throws PluginError SNAPSHOT_NOT_FOUND, SNAPSHOT_CORRUPT, STATE_FORMAT_NEWER. One that is corrupt is in the list no longer.
   */
  async open(id: string): Promise<Snapshot> {
    const record = this.#shelf.find(id) ?? (await this.#findAgain(id));
    for await (const _ of this.#content(record)) {
      // It only has to come to its end.
    }
    return {
      schema: record.schema,
      bytes: record.bytes,
      sha256: Buffer.from(record.sha256, 'hex'),
      read: () => this.#content(record),
    };
  }

  /** Removes a snapshot, if it is there. */
  async remove(id: string): Promise<void> {
    if (this.#shelf.take(id)) await this.#removeFiles([id]);
  }

  /**
   * Removes what is too old or too much, and what was left half-written. Done at the start, after each `keep`, and when the
   * time of a snapshot is over. What can't be removed is tried again the next time.
   */
  async sweep(): Promise<void> {
    await this.#removeFiles(this.#shelf.takeSurplus());
    await this.#files.removeHalves();
    this.#awaitNextExpiry();
  }

  /** Snapshots stay on disk. Nothing is removed by itself from now on. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  /** One that could not be read is asked for once more: to say what is wrong with it, or since it can be read again. */
  async #findAgain(id: string): Promise<KeptSnapshot> {
    if (!this.#shelf.isUnreadable(id)) throw notFound(id);
    try {
      const record = await this.#files.readRecord(id);
      this.#shelf.addFound(record);
      return record;
    } catch (error) {
      throw unreadable(this.#files.pathOf(id), error);
    }
  }

  async *#content({ id }: KeptSnapshot): AsyncGenerator<Buffer, void, undefined> {
    try {
      yield* this.#files.readContent(id);
    } catch (error) {
      if (isSystemError(error, 'ENOENT')) {
        this.#shelf.take(id);
        throw notFound(id);
      }
      if (error instanceof SnapshotDamaged) this.#shelf.spoil(id);
      throw unreadable(this.#files.pathOf(id), error);
    }
  }

  async #removeFiles(ids: readonly string[]): Promise<void> {
    for (const id of ids) {
      await this.#files.remove(id).catch(() => this.#shelf.addUnremoved(id));
    }
  }

  #awaitNextExpiry(): void {
    clearTimeout(this.#timer);
    const dueInMs = this.#shelf.nextExpiryMs();
    if (this.#closed || dueInMs === undefined) return;
    // A timer takes no more than 2^31 ms; and one that comes a little early must not turn into a loop.
    const delay = Math.min(Math.max(Math.ceil(dueInMs), 50), LONGEST_TIMER_MS);
    this.#timer = setTimeout(() => void this.sweep(), delay).unref();
  }
}
