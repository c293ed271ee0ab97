import type { Change } from '@plugd/protocol/gen/plugd/admin/v1/admin';
import { PluginError } from '@plugd/protocol/plugin-error';
import type { Logger } from '../events/logger';
import type { ConfigBook, ReadConfig } from './config-book';
import { ConfigWatch } from './config-watch';

/** What a host does to make what runs what is wanted. */
export interface ReconcilingHost {
  /** What would be done by these settings. */
  plan(settings: ReadConfig['settings']): Promise<Change[]>;
  /** Looks again, now. */
  look(): void;
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

  /** Reconciles whenever the config on disk changes. */
  watch(onChange: () => void): void {
    const { file } = this.#parts.book;
    if (file !== undefined) this.#watch = new ConfigWatch(file, onChange);
  }

  close(): void {
    this.#watch?.close();
  }

  /** What {@link reconcile} would do. Throws what reading the config throws. */
  async diff(): Promise<Change[]> {
    return this.#changes(await this.#parts.book.read());
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
    const changes = await this.#changes(read);
    book.accept(read);
    onAccepted(read);
    for (const { plugin, action, from, to, reason } of changes)
      logger.info('to be changed', { ...(plugin === '' ? {} : { plugin }), action, from, to, reason });
    host.look();
    return changes;
  }

  /** The plugins' own, then those that only another daemon would make. */
  async #changes({ config, settings, changes }: ReadConfig): Promise<Change[]> {
    const { book, host } = this.#parts;
    const reasons = new Map(changes.plugins.map(({ name, reason }) => [name, reason]));
    const planned = (await host.plan(settings)).map((change) =>
      // What the host knows is that settings are others; the config knows which.
      change.action === 'configure'
        ? { ...change, reason: reasons.get(change.plugin) ?? change.reason }
        : change,
    );
    const own = book.needsRestart(config).map(({ setting, from, to }) => ({
      plugin: '',
      action: 'needs-restart',
      from,
      to,
      reason: `${setting} counts when the daemon is started again`,
    }));
    return [...planned, ...own];
  }
}
