import { join } from 'node:path';
import type { JsonValue } from '@plugd/protocol/json-value';
import type { Logger } from './events/logger';
import type { Journal, OpenOperation, OperationHead, UnfinishedOperation } from './journal/journal';
import { MemoryJournal } from './journal/memory-journal';
import { OperationJournal } from './journal/operation-journal';
import { openPrivateDirectory } from './state/private-directory';
import type { Snapshot } from './state/snapshot';
import type { KeptSnapshot, SnapshotOrigin } from './state/snapshot-record';
import { type KeepOptions, SnapshotStore } from './state/snapshot-store';
import {
  defaultMaxSnapshotBytes,
  resolveStoreOptions,
  type SnapshotLimits,
} from './state/snapshot-store-options';

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
  /** Private to the host, which it goes with: for what is too large for memory. */
  readonly runDirectory: string;
  /** Whether another host can go on with it. */
  readonly outlives: boolean;
  /** A larger one is not kept. */
  readonly maxSnapshotBytes: number;
  readonly #openSnapshots: () => Promise<SnapshotStore>;
  readonly #logger: Logger;
  #snapshots: Promise<SnapshotStore> | undefined;
  /** Of operations that were found without an end, and have been taken up. */
  readonly #settled = new Set<string>();

  private constructor(
    journal: Journal,
    options: HostStoreOptions,
    openSnapshots: () => Promise<SnapshotStore>,
  ) {
    this.journal = journal;
    this.runDirectory = options.runDirectory;
    this.outlives = options.stateDir !== undefined;
    this.maxSnapshotBytes = options.snapshots.maxSnapshotBytes ?? defaultMaxSnapshotBytes;
    this.#logger = options.logger;
    this.#openSnapshots = openSnapshots;
  }

  /** Throws PluginError OPTIONS_INVALID, STATE_DIR_IN_USE, STATE_DIR_UNUSABLE, STATE_FORMAT_NEWER. */
  static async open(options: HostStoreOptions): Promise<HostStore> {
    const { stateDir, runDirectory, snapshots, logger } = options;
    const directory = join(stateDir ?? runDirectory, 'snapshots');
    // Where nothing is kept yet they would be looked at when calls wait.
    resolveStoreOptions({ ...snapshots, directory });
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

  /** The operation on a plugin that a killed host has left, if it has: until somebody ends it. */
  async unfinished(plugin: string): Promise<UnfinishedOperation | undefined> {
    const all = (await this.journal.unfinished()).filter(
      ({ head }) => head.plugin === plugin && !this.#settled.has(head.id),
    );
    const found = all.pop();
    // A host works on one after the other: earlier ones have been overtaken.
    for (const earlier of all) await this.#settle(earlier, { outcome: 'overtaken' });
    return found && { ...found, end: (outcome) => this.#settle(found, outcome) };
  }

  /** A process of the plugin is there to be taken over: whatever a killed host had begun, there is nothing to do any more. */
  async overtake(plugin: string): Promise<void> {
    await (await this.unfinished(plugin))?.end({ outcome: 'overtaken' });
  }

  /** Never rejects: whether the line is kept or not, what it says has become true, and this host need not ask again. */
  async #settle({ head, end }: UnfinishedOperation, outcome: JsonValue): Promise<void> {
    this.#settled.add(head.id);
    try {
      await end(outcome);
    } catch (error) {
      const { plugin, id } = head;
      this.#logger.warn('the end of an operation of a killed host could not be written down', {
        plugin,
        operation: id,
        error: String(error),
      });
    }
  }

  /** Throws PluginError JOURNAL_FAILED. */
  begin(head: OperationHead): Promise<OpenOperation> {
    return this.journal.begin(head);
  }

  /** Makes what {@link keep} needs, where it is not there: it takes longer than the keeping. Throws PluginError STATE_DIR_UNUSABLE. */
  async prepareToKeep(): Promise<void> {
    await this.#store();
  }

  /** See {@link SnapshotStore.keep}. Throws PluginError SNAPSHOT_NOT_KEPT, SNAPSHOT_CORRUPT. */
  async keep(origin: SnapshotOrigin, snapshot: Snapshot, options: KeepOptions = {}): Promise<KeptSnapshot> {
    return (await this.#store()).keep(origin, snapshot, options);
  }

  /** The latest that a version of a plugin has left. */
  async latestOf(plugin: string, version: string): Promise<KeptSnapshot | undefined> {
    return (await this.#listed(plugin)).findLast((kept) => kept.version === version);
  }

  /** Those of a plugin, the oldest first. */
  async #listed(plugin: string): Promise<readonly KeptSnapshot[]> {
    // Nothing was kept: nothing need be opened.
    if (this.#snapshots === undefined && !this.outlives) return [];
    return (await this.#store()).list(plugin);
  }

  /** How old it is, in milliseconds; undefined once it is gone. */
  async ageMs(id: string): Promise<number | undefined> {
    return (await this.#store()).ageMs(id);
  }

  /** Throws PluginError SNAPSHOT_NOT_FOUND, SNAPSHOT_CORRUPT, STATE_FORMAT_NEWER. */
  async open(id: string): Promise<Snapshot> {
    return (await this.#store()).open(id);
  }

  /**
   * The latest state of a plugin in one of these schemas. One that can't be read is told of and passed over.
   *
   * @param first the id of one that is to be tried before all others, in whatever order they were kept
   */
  async newestReadable(
    plugin: string,
    schemas: readonly number[],
    first?: string,
  ): Promise<Snapshot | undefined> {
    const newest = (await this.#listed(plugin)).filter(({ schema }) => schemas.includes(schema)).reverse();
    const ordered = [...newest.filter(({ id }) => id === first), ...newest.filter(({ id }) => id !== first)];
    for (const kept of ordered) {
      try {
        const ageMs = Math.round((await this.ageMs(kept.id)) ?? 0);
        const snapshot = await this.open(kept.id);
        const { version, schema } = kept;
        const about = { plugin, version, schema, ageMs };
        // What an operation took while calls waited is all that there was; what was done after any other one is lost.
        if (kept.id === first)
          this.#logger.info('a plugin goes on with the state that was handed over', about);
        else this.#logger.warn('a plugin begins with a state that was kept some time ago', about);
        return snapshot;
      } catch (error) {
        this.#logger.error('a kept state can’t be used', { plugin, snapshot: kept.id, error: String(error) });
      }
    }
    return undefined;
  }

  /** There is a later one, which is enough. Never rejects. */
  async drop(id: string): Promise<void> {
    try {
      await (await this.#store()).remove(id);
    } catch (error) {
      this.#logger.warn('a kept state could not be removed', { snapshot: id, error: String(error) });
    }
  }

  /** The plugin has ended in order: nobody goes on from its state. Never rejects. */
  async forget(plugin: string): Promise<void> {
    try {
      for (const { id } of await this.#listed(plugin)) await (await this.#store()).remove(id);
    } catch (error) {
      this.#logger.warn('the kept states of a plugin could not be removed', { plugin, error: String(error) });
    }
  }

  async close(): Promise<void> {
    await this.journal.close();
    (await this.#snapshots?.catch(() => undefined))?.close();
  }

  #store(): Promise<SnapshotStore> {
    if (this.#snapshots !== undefined) return this.#snapshots;
    const opening = this.#openSnapshots();
    this.#snapshots = opening;
    // A full disk may have room again when the next state is to be kept.
    opening.catch(() => {
      if (this.#snapshots === opening) this.#snapshots = undefined;
    });
    return opening;
  }
}
