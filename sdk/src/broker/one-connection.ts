import type { Duplex } from 'node:stream';
import { StreamRouter } from '@plugd/protocol/broker/stream-router';
import type { PluginError } from '@plugd/protocol/plugin-error';
import { YamuxSession } from '@plugd/protocol/yamux/session';
import type { Listener } from '../net/listener';

/** How long the host may take to connect, as in Go plugins. */
const CONNECT_MS = 5000;

/**
 * A silent host is not gone: it was stopped, its event loop is blocked, or its machine slept. One that is gone ends
 * the connection, which never leaves the machine. So it is not asked, and has a day for its answers: plugins whose
 * connections are not multiplexed have no limit there either.
 */
const PATIENCE = {
  keepAliveIntervalMs: 0,
  writeTimeoutMs: 24 * 3_600_000,
  openTimeoutMs: 24 * 3_600_000,
};

/** What {@link OneConnection} tells of. */
export interface OneConnectionEvents {
  /** Takes the streams of the main channel. */
  onMain(stream: Duplex): void;
  onLate(): void;
  onEnd(reason: PluginError): void;
}

/** The host's one connection, of which all others are streams. */
export class OneConnection {
  readonly #events: OneConnectionEvents;
  #listener: Listener | undefined;
  #router: StreamRouter | undefined;
  #limit: NodeJS.Timeout | undefined;

  constructor(events: OneConnectionEvents) {
    this.#events = events;
  }

  /** Undefined until the host has connected. */
  get router(): StreamRouter | undefined {
    return this.#router;
  }

  /** For the listener. */
  accept(connection: Duplex): void {
    if (this.#router !== undefined) {
      connection.destroy();
      return;
    }
    clearTimeout(this.#limit);
    const session = new YamuxSession(connection, { side: 'server', ...PATIENCE });
    this.#router = new StreamRouter(session, { onMain: (stream) => this.#events.onMain(stream) });
    void session.closed.then((reason) => this.#events.onEnd(reason));
    // Nobody else may come: the socket's file can go now, and is not left behind by a kill.
    this.#listener?.close();
  }

  /** Serving has begun: the host has so long to connect. */
  expect(listener: Listener): void {
    this.#listener = listener;
    if (this.#router !== undefined) listener.close();
    else this.#limit = setTimeout(() => this.#events.onLate(), CONNECT_MS);
  }

  close(): void {
    clearTimeout(this.#limit);
    this.#router?.session.close();
  }
}
