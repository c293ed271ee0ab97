import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { joinStreams } from './join-streams';
import { part } from './part';
import type { PeerAddress } from './peer-address';
import { listenOnSocket, type SocketListener } from './socket-listener';

/**
 * A socket of this process's own, of which each connection becomes one of `open`: grpc-js connects to addresses and
 * takes no connections that others made. When `open` fails the connection is cut, and grpc-js tries again.
 */
export class StreamProxy implements PeerAddress {
  readonly network: PeerAddress['network'];
  readonly address: string;
  readonly #listener: SocketListener;
  readonly #connections: ReadonlySet<Socket>;

  private constructor(listener: SocketListener, connections: ReadonlySet<Socket>) {
    this.#listener = listener;
    this.#connections = connections;
    this.network = listener.network;
    this.address = listener.address;
  }

  /** @param directory one that only this user may enter */
  static async listen(directory: string, open: () => Promise<Duplex>): Promise<StreamProxy> {
    const connections = new Set<Socket>();
    const listener = await listenOnSocket({ directory }, (connection) => {
      connections.add(connection);
      connection.once('close', () => connections.delete(connection));
      void carry(connection, open);
    });
    return new StreamProxy(listener, connections);
  }

  /** Takes no more connections; those that are there go on. */
  close(): void {
    this.#listener.close();
  }

  /** {@link close}, and the connections are ended, as soon as their clients have noticed. */
  breakOff(): void {
    this.close();
    for (const connection of this.#connections) part(connection);
  }
}

async function carry(connection: Socket, open: () => Promise<Duplex>): Promise<void> {
  try {
    const stream = await open();
    if (connection.destroyed || connection.writableEnded) stream.destroy();
    else joinStreams(connection, stream);
  } catch {
    part(connection);
  }
}
