import { type Channel, connectivityState, Server, ServerCredentials } from '@grpc/grpc-js';
import type { AnyServiceDefinition } from '@plugd/protocol/rpc/definition';
import { listenPrivately, type PrivateListener } from '@plugd/protocol/rpc/private-listener';
import { adaptService, type ServiceImplementation } from '@plugd/protocol/rpc/service';
import { openChannel } from './connection/channel';

/** Longer than any connection to this process itself takes. */
const connectTimeoutMs = 5_000;

/** Puts services into an {@link InProcessInstance}. */
export type OfferService = <Def extends AnyServiceDefinition>(
  definition: Def,
  implementation: Partial<ServiceImplementation<Def>>,
) => void;

/** One version of a plugin at work in this process: a server and the channel to it, as a host opens one. */
export class InProcessInstance {
  readonly startedAt = Date.now();
  readonly channel: Channel;
  readonly #server: Server;
  readonly #listener: PrivateListener;
  readonly #draining: AbortController;

  private constructor(server: Server, listener: PrivateListener, draining: AbortController) {
    this.#server = server;
    this.#listener = listener;
    this.#draining = draining;
    this.channel = openChannel(listener, undefined);
  }

  /** Resolves when its channel is READY. */
  static async start(offerServices: (offer: OfferService) => void): Promise<InProcessInstance> {
    const draining = new AbortController();
    // As between a host and a plugin: what may be sent is the contract's business.
    const server = new Server({
      'grpc.max_receive_message_length': -1,
      'grpc.max_send_message_length': -1,
      'grpc.enable_channelz': 0,
    });
    offerServices((definition, implementation) => {
      const adapted = adaptService(definition, implementation, { draining: draining.signal });
      server.addService(adapted.definition, adapted.handlers);
    });
    const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
    const listener = await listenPrivately((connection) => injector.injectConnection(connection));
    const instance = new InProcessInstance(server, listener, draining);
    try {
      await ready(instance.channel);
      return instance;
    } catch (error) {
      instance.end();
      throw error;
    }
  }

  get address(): string {
    return this.#listener.address;
  }

  /** New calls go elsewhere: `call.draining` fires. */
  drain(): void {
    this.#draining.abort();
  }

  /** Its connections break, and calls in flight with them. May be called again. */
  end(): void {
    this.#listener.breakOff();
    this.channel.close();
    this.#server.forceShutdown();
  }
}

async function ready(channel: Channel): Promise<void> {
  const deadline = Date.now() + connectTimeoutMs;
  for (;;) {
    const state = channel.getConnectivityState(true);
    if (state === connectivityState.READY) return;
    await new Promise<void>((resolve, reject) => {
      channel.watchConnectivityState(state, deadline, (error) => (error ? reject(error) : resolve()));
    });
  }
}
