import { connect, type Socket } from 'node:net';
import { StreamProxy } from '@plugd/protocol/broker/stream-proxy';
import { StreamRouter } from '@plugd/protocol/broker/stream-router';
import { parseTcpAddress } from '@plugd/protocol/grpc-address';
import { PluginError } from '@plugd/protocol/plugin-error';
import { YamuxSession } from '@plugd/protocol/yamux/session';
import type { ChannelAddress } from './channel';

/** A plugin waits five seconds for its one connection. */
const connectTimeoutMs = 5_000;

/**
 * The one connection to a multiplexed plugin: a session of streams, the first of which becomes the main channel.
 * grpc-js connects to addresses only, so the channel gets one that leads to streams of the session.
 */
export class MultiplexedWire {
  readonly router: StreamRouter;
  /** What the channel is opened to. */
  readonly address: ChannelAddress;
  readonly #proxy: StreamProxy;

  private constructor(router: StreamRouter, proxy: StreamProxy) {
    this.router = router;
    this.#proxy = proxy;
    this.address = { network: proxy.network, address: proxy.address };
  }

  /** `directory`: for a socket that only this user may reach. Throws PluginError CONNECT_FAILED. */
  static async connect(target: ChannelAddress, directory: string): Promise<MultiplexedWire> {
    const session = new YamuxSession(await connectTo(target), { side: 'client' });
    const router = new StreamRouter(session);
    try {
      return new MultiplexedWire(router, await StreamProxy.listen(directory, () => router.openMain()));
    } catch (error) {
      session.close();
      throw error;
    }
  }

  /** Ends the session, and with it all that goes through it. */
  close(): void {
    this.#proxy.breakOff();
    this.router.session.close();
  }
}

function connectTo({ network, address }: ChannelAddress): Promise<Socket> {
  const socket = network === 'unix' ? connect(address) : connect(parseTcpAddress(address));
  return new Promise((resolve, reject) => {
    const fail = (why: string, cause?: unknown) => {
      socket.destroy();
      reject(
        new PluginError('CONNECT_FAILED', `The plugin could not be reached: ${why}.`, {
          facts: { network, address },
          ...(cause === undefined ? {} : { cause }),
        }),
      );
    };
    const timer = setTimeout(() => fail(`no connection within ${connectTimeoutMs} ms`), connectTimeoutMs);
    socket.once('error', (error) => {
      clearTimeout(timer);
      fail(error.message, error);
    });
    socket.once('connect', () => {
      clearTimeout(timer);
      socket.removeAllListeners('error');
      socket.setNoDelay(true);
      resolve(socket);
    });
  });
}
