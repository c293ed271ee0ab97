import type { Socket } from 'node:net';
import { StreamProxy } from '@plugd/protocol/broker/stream-proxy';
import { StreamRouter } from '@plugd/protocol/broker/stream-router';
import { connectSocket } from '@plugd/protocol/connect-socket';
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
  return connectSocket({ network, address }, connectTimeoutMs).catch((cause: Error) => {
    throw new PluginError('CONNECT_FAILED', `The plugin could not be reached: ${cause.message}.`, {
      facts: { network, address },
      cause,
    });
  });
}
