import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { joinStreams } from './join-streams';
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

  private constructor(listener: SocketListener) {
    this.#listener = listener;
    this.network = listener.network;
    this.address = listener.address;
  }

  /** @param directory one that only this user may enter */
  static async listen(directory: string, open: () => Promise<Duplex>): Promise<StreamProxy> {
    return new StreamProxy(await listenOnSocket({ directory }, (connection) => void carry(connection, open)));
  }

  /** Takes no more connections; those that are there go on. */
  close(): void {
    this.#listener.close();
  }

  /** {@link close}, and the connections are cut. */
  breakOff(): void {
    this.#listener.breakOff();
  }
}

async function carry(connection: Socket, open: () => Promise<Duplex>): Promise<void> {
  try {
    const stream = await open();
    if (connection.destroyed) stream.destroy();
    else joinStreams(connection, stream);
  } catch {
    connection.destroy();
  }
}
