import { join } from 'node:path';
import type { JsonObject } from '@plugd/protocol/json-value';
import type { Logger } from './events/logger';
import type { Journal, OpenOperation, UnfinishedOperation } from './journal/journal';
import { MemoryJournal } from './journal/memory-journal';
import { OperationJournal } from './journal/operation-journal';
import { openPrivateDirectory } from './state/private-directory';
import type { Snapshot } from './state/snapshot';
import type { KeptSnapshot, SnapshotOrigin } from './state/snapshot-record';
import { SnapshotStore } from './state/snapshot-store';

/** How much of their states a host keeps of its plugins. */
export interface SnapshotLimits {
  /** How long one is kept, in milliseconds. Default 3,600,000. */
  readonly ttlMs?: number;
  /** Of more than that the oldest go. Default 5. */
  readonly maxPerPlugin?: number;
  /** Of all plugins together, in bytes. Default 1 GiB. */
  readonly maxBytes?: number;
  /** A larger one is not kept. Default 256 MiB. */
  readonly maxSnapshotBytes?: number;
}

export interface HostStoreOptions {
  /** Undefined: what is kept goes with the host. */
  readonly stateDir: string | undefined;
  /** The host's own, which goes with it. */
  readonly runDirectory: string;
  readonly snapshots: SnapshotLimits;
  readonly logger: Logger;
}

/** What a host keeps beyond the lives of its plugins' processes: the journal of its operations, and snapshots of states. */
export class HostStore {
  readonly journal: Journal;
  /** Whether another host can go on with it. */
  readonly outlives: boolean;
  readonly #openSnapshots: () => Promise<SnapshotStore>;
  readonly #logger: Logger;
  #snapshots: Promise<SnapshotStore> | undefined;
  #unfinished: Promise<readonly UnfinishedOperation[]> | undefined;

  private constructor(
    journal: Journal,
    options: HostStoreOptions,
    openSnapshots: () => Promise<SnapshotStore>,
  ) {
    this.journal = journal;
    this.outlives = options.stateDir !== undefined;
    this.#logger = options.logger;
    this.#openSnapshots = openSnapshots;
  }

  /** Throws PluginError STATE_DIR_IN_USE, STATE_DIR_UNUSABLE, STATE_FORMAT_NEWER. */
  static async open(options: HostStoreOptions): Promise<HostStore> {
    const { stateDir, runDirectory, snapshots, logger } = options;
    const directory = join(stateDir ?? runDirectory, 'snapshots');
    const openSnapshots = async (): Promise<SnapshotStore> => {
      const store = await SnapshotStore.open({ ...snapshots, directory });
      for (const problem of store.problems) logger.warn(problem.summary, { ...problem.facts });
      return store;
    };
    if (stateDir === undefined) return new HostStore(new MemoryJournal(), options, openSnapshots);
    await openPrivateDirectory(stateDir);
    const journal = await OperationJournal.open({ directory: join(stateDir, 'journal') });
    for (const problem of journal.problems) logger.warn(problem.summary, { ...problem.facts });
    const store = new HostStore(journal, options, openSnapshots);
    try {
      await store.#store();
      return store;
    } catch (error) {
      await journal.close();
      throw error;
    }
  }

  /** The operation on a plugin that a killed host has left, if it has; given once. */
  async takeUnfinished(plugin: string): Promise<UnfinishedOperation | undefined> {
    this.#unfinished ??= this.journal.unfinished();
    const all = await this.#unfinished;
    const found = all.findLast(({ head }) => head.plugin === plugin);
    if (found === undefined) return undefined;
    this.#unfinished = Promise.resolve(all.filter(({ head }) => head.plugin !== plugin));
    // A host works on one after the other: earlier ones have been overtaken.
    for (const earlier of all) {
      if (earlier !== found && earlier.head.plugin === plugin) await earlier.end({ outcome: 'overtaken' });
    }
    return found;
  }

  /** Throws PluginError JOURNAL_FAILED. */
  begin(head: JsonObject & { readonly id: string; readonly plugin: string }): Promise<OpenOperation> {
    return this.journal.begin(head);
  }

  /** Throws PluginError SNAPSHOT_NOT_KEPT. */
  async keep(origin: SnapshotOrigin, snapshot: Snapshot): Promise<KeptSnapshot> {
    return (await this.#store()).keep(origin, snapshot);
  }

  /** The latest of a plugin in one of these schemas that can be read. */
  async latest(
    plugin: string,
    schemas: readonly number[],
    accept: (kept: KeptSnapshot) => boolean = () => true,
  ): Promise<KeptSnapshot | undefined> {
    // Nothing was kept: nothing need be opened.
    if (this.#snapshots === undefined && !this.outlives) return undefined;
    const store = await this.#store();
    return store.list(plugin).findLast((kept) => schemas.includes(kept.schema) && accept(kept));
  }

  /** How old it is, in milliseconds; undefined once it is gone. */
  async ageMs(id: string): Promise<number | undefined> {
    return (await this.#store()).ageMs(id);
  }

  /** Throws PluginError SNAPSHOT_NOT_FOUND, SNAPSHOT_CORRUPT, STATE_FORMAT_NEWER. */
  async open(id: string): Promise<Snapshot> {
    return (await this.#store()).open(id);
  }

  /** The latest state of a plugin that one of these schemas can read. One that is damaged is told of and passed over. */
  async newestReadable(plugin: string, schemas: readonly number[]): Promise<Snapshot | undefined> {
    for (;;) {
      const kept = await this.latest(plugin, schemas);
      if (kept === undefined) return undefined;
      try {
        return await this.open(kept.id);
      } catch (error) {
        this.#logger.error('a kept state can’t be used', { plugin, snapshot: kept.id, error: String(error) });
        // It is in the list no longer; whatever else failed would fail again.
        if ((await this.ageMs(kept.id)) !== undefined) return undefined;
      }
    }
  }

  /** The plugin has ended in order: nobody goes on from its state. Never rejects. */
  async forget(plugin: string): Promise<void> {
    if (this.#snapshots === undefined && !this.outlives) return;
    try {
      const store = await this.#store();
      for (const { id } of store.list(plugin)) await store.remove(id);
    } catch (error) {
      this.#logger.warn('the kept states of a plugin could not be removed', { plugin, error: String(error) });
    }
  }

  async close(): Promise<void> {
    await this.journal.close();
    (await this.#snapshots?.catch(() => undefined))?.close();
  }

  #store(): Promise<SnapshotStore> {
    this.#snapshots ??= this.#openSnapshots();
    return this.#snapshots;
  }
}
