import type { Change } from '@plugd/protocol/gen/plugd/admin/v1/admin';
import { PluginError } from '@plugd/protocol/plugin-error';
import type { Logger } from '../events/logger';
import type { ConfigBook, ReadConfig } from './config-book';
import { ConfigWatch } from './config-watch';

/** What a host does to make what runs what is wanted. */
export interface ReconcilingHost {
  /** What would be done by these settings. */
  plan(settings: ReadConfig['settings']): Change[];
  /** Looks again, begins what is to be done, and tells what that is. Throws PluginError ARTIFACT_UNREADABLE. */
  reconcile(): Promise<Change[]>;
}

export interface ReconcilerParts {
  readonly book: ConfigBook;
  readonly host: ReconcilingHost;
  readonly logger: Logger;
  /** The config in force is another one. */
  readonly onAccepted: (read: ReadConfig) => void;
}

/** Makes what runs what is in the config and in the directory of plugins. */
export class Reconciler {
  readonly #parts: ReconcilerParts;
  #watch: ConfigWatch | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(parts: ReconcilerParts) {
    this.#parts = parts;
  }

  /**
   * Tells whenever the config on disk changes. `seen`: what it was like before it was read; a change since then is told too.
   * Default: as it is.
   */
  watch(onChange: () => void, seen?: string): void {
    const { file } = this.#parts.book;
    if (file !== undefined) this.#watch = new ConfigWatch(file, onChange, seen);
  }

  close(): void {
    this.#watch?.close();
  }

  /** What {@link reconcile} would do. Throws what reading the config throws. */
  async diff(): Promise<Change[]> {
    const read = await this.#parts.book.read();
    return this.#changes(read, this.#parts.host.plan(read.settings));
  }

  /** What it does; a config that can't be used changes nothing. Throws what reading the config throws. */
  reconcile(): Promise<Change[]> {
    const work = this.#turn.then(() => this.#reconcile());
    this.#turn = work.catch(() => {});
    return work;
  }

  async #reconcile(): Promise<Change[]> {
    const { book, host, logger, onAccepted } = this.#parts;
    let read: ReadConfig;
    try {
      read = await book.read();
    } catch (error) {
      if (!(error instanceof PluginError)) throw error;
      book.refuse(error);
      logger.error('the config can’t be used; what was in force stays so', { error: error.message });
      throw error;
    }
    book.accept(read);
    onAccepted(read);
    const changes = this.#changes(read, await host.reconcile());
    for (const { plugin, action, from, to, reason } of changes)
      logger.info('to be changed', { ...(plugin === '' ? {} : { plugin }), action, from, to, reason });
    return changes;
  }

  /** The plugins' own, then those that only another daemon would make. */
  #changes({ config, changes }: ReadConfig, planned: readonly Change[]): Change[] {
    const { book } = this.#parts;
    const reasons = new Map(changes.plugins.map(({ name, reason }) => [name, reason]));
    const plugins = planned.map((change) => {
      // What the host knows is that settings are others; the config knows which.
      const reason = change.action === 'configure' ? reasons.get(change.plugin) : undefined;
      return reason === undefined ? change : { ...change, reason };
    });
    const own = book.needsRestart(config).map(({ setting, from, to }) => ({
      plugin: '',
      action: 'needs-restart',
      from,
      to,
      reason: `${setting} counts when the daemon is started again`,
    }));
    return [...plugins, ...own];
  }
}
