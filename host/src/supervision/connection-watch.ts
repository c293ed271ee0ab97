import { connectivityState } from '@grpc/grpc-js';
import type { Endpoint } from '../routing/endpoint';
import { type Clock, systemClock } from './clock';
import type { StallMeter } from './stall-meter';

/** How long a connection may take to come back before its instance counts as lost. */
const reconnectLimitMs = 2_000;

/** The least time that is added where the host was late for a part of it. */
const leastMs = 20;

export interface ConnectionWatchOptions {
  readonly endpoint: Endpoint;
  /** The host's own; it has to run. */
  readonly stalls: Pick<StallMeter, 'lateSince'>;
  readonly clock?: Clock;
  /** The connection broke, and could not be made again. */
  readonly onLost: () => void;
}

/**
 * Sees when the connection of an endpoint breaks: until it is there again no new call goes to it. A break alone says
 * little: the process may have died, which is heard elsewhere; a server may close old connections as a habit. Time in
 * which the host could not connect, since it was late itself, does not count.
 */
export class ConnectionWatch {
  readonly #options: ConnectionWatchOptions;
  readonly #clock: Clock;
  #brokenAt: number | undefined;
  #cancel: () => void = () => {};
  #stopped = false;

  constructor(options: ConnectionWatchOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#look();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel();
  }

  #look(): void {
    if (this.#stopped) return;
    const { endpoint } = this.#options;
    const { channel } = endpoint;
    // Asking also makes one that has gone idle connect again.
    const state = channel.getConnectivityState(true);
    if (state === connectivityState.SHUTDOWN) return;
    if (state === connectivityState.READY) {
      this.#cancel();
      this.#brokenAt = undefined;
      endpoint.resume('connection');
    } else {
      endpoint.suspend('connection');
      if (this.#brokenAt === undefined) {
        this.#brokenAt = this.#clock.now();
        this.#expect(this.#brokenAt, reconnectLimitMs);
      }
    }
    channel.watchConnectivityState(state, Number.POSITIVE_INFINITY, () => this.#look());
  }

  #expect(brokenAt: number, ms: number): void {
    this.#cancel = this.#clock.after(ms, () => this.#overdue(brokenAt));
  }

  #overdue(brokenAt: number): void {
    const { stalls, onLost } = this.#options;
    const hadMs = this.#clock.now() - brokenAt - stalls.lateSince(brokenAt);
    if (hadMs < reconnectLimitMs) {
      this.#expect(brokenAt, Math.max(leastMs, reconnectLimitMs - hadMs));
      return;
    }
    this.stop();
    onLost();
  }
}
