import { AsyncLocalStorage } from 'node:async_hooks';
import { subscribe } from 'node:diagnostics_channel';
import { Socket } from 'node:net';

const watching = new AsyncLocalStorage<SocketWatch>();

/** Those that wait for their connection. Without any the storage is switched off: it costs every promise of the host. */
const waiting = new Set<SocketWatch>();

subscribe('net.client.socket', (message) => {
  const socket = (message as { readonly socket?: unknown }).socket;
  if (socket instanceof Socket) watching.getStore()?.opened(socket);
});

/**
 * Knows the socket under a channel, which grpc-js keeps to itself. It does not always let go of one whose other end is
 * gone (see `ProcessChannel`): each would cost the host a descriptor for good.
 *
 * Only until one is connected: what is opened later in the same context may be the application's.
 */
export class SocketWatch {
  readonly #sockets = new Set<Socket>();
  #connected = false;

  /** What this opens is watched. */
  run<T>(open: () => T): T {
    if (!this.#connected) waiting.add(this);
    return watching.run(this, open);
  }

  /** For the subscription above. */
  opened(socket: Socket): void {
    if (this.#connected) return;
    this.#sockets.add(socket);
    socket.once('connect', () => {
      this.#connected = true;
      this.#settle();
    });
    socket.once('close', () => this.#sockets.delete(socket));
  }

  /** Nothing more is opened here. */
  end(): void {
    this.#settle();
  }

  /** Breaks the connection off. */
  destroy(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#settle();
  }

  #settle(): void {
    if (waiting.delete(this) && waiting.size === 0) watching.disable();
  }
}
