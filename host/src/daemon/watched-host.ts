import type { Change } from '@plugd/protocol/gen/plugd/admin/v1/admin';
import type { Host } from '../host';
import type { ConfigBook, ReadConfig } from './config-book';
import type { ReconcilingHost } from './reconciler';

/** What the host knows of its directory of plugins; of a daemon without one, nothing. */
export class WatchedHost implements ReconcilingHost {
  readonly #host: Host;
  readonly #watches: boolean;
  readonly #book: ConfigBook;

  constructor(host: Host, watches: boolean, book: ConfigBook) {
    this.#host = host;
    this.#watches = watches;
    this.#book = book;
  }

  async plan(_settings: ReadConfig['settings']): Promise<Change[]> {
    return [];
  }

  look(): void {}
}
