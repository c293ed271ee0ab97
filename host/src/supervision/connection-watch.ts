import { connectivityState } from '@grpc/grpc-js';
import type { Endpoint } from '../routing/endpoint';

/** How long a connection may take to come back before its instance counts as lost. */
const reconnectLimitMs = 2_000;

/**
 * Sees when the connection of an endpoint breaks: until it is there again no new call goes to it. A break alone says
 * little: the process may have died, which is heard elsewhere; a server may close old connections as a habit.
 */
export class ConnectionWatch {
  readonly #endpoint: Endpoint;
  readonly #onLost: () => void;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  /** @param onLost the connection broke, and could not be made again */
  constructor(endpoint: Endpoint, onLost: () => void) {
    this.#endpoint = endpoint;
    this.#onLost = onLost;
    this.#look();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #look(): void {
    if (this.#stopped) return;
    const { channel } = this.#endpoint;
    // Asking also makes one that has gone idle connect again.
    const state = channel.getConnectivityState(true);
    if (state === connectivityState.SHUTDOWN) return;
    if (state === connectivityState.READY) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
      this.#endpoint.resume('connection');
    } else {
      this.#endpoint.suspend('connection');
      this.#timer ??= setTimeout(() => {
        if (this.#stopped) return;
        this.#stopped = true;
        this.#onLost();
      }, reconnectLimitMs).unref();
    }
    channel.watchConnectivityState(state, Number.POSITIVE_INFINITY, () => this.#look());
  }
}
