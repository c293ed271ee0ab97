import type { Duplex } from 'node:stream';
import { Server } from '@grpc/grpc-js';
import { MESSAGE_LIMIT_BYTES } from '../message-limit';
import type { AnyServiceDefinition } from '../rpc/definition';
import { type AdaptOptions, adaptService, type ServiceImplementation } from '../rpc/service';
import { MAX_STREAMS } from './rules';
import { type BrokerSecurity, serverCredentials } from './security';

/** One service, served to whoever connects. */
export class BrokeredServer {
  readonly #server: Server;
  readonly #inject: (connection: Duplex) => void;
  readonly #connections = new Set<Duplex>();
  #onDeserted: () => void = () => {};

  constructor(security: BrokerSecurity | undefined, maxMessageBytes = MESSAGE_LIMIT_BYTES) {
    this.#server = new Server({
      'grpc.max_receive_message_length': maxMessageBytes,
      // What this side sends is its own doing.
      'grpc.max_send_message_length': -1,
      'grpc.max_concurrent_streams': MAX_STREAMS,
      'grpc.enable_channelz': 0,
    });
    const injector = this.#server.createConnectionInjector(serverCredentials(security));
    this.#inject = (connection) => injector.injectConnection(connection);
  }

  /** @throws PluginError OPTIONS_INVALID if the definition is not one */
  offer<Def extends AnyServiceDefinition>(
    definition: Def,
    implementation: Partial<ServiceImplementation<Def>>,
    options: AdaptOptions,
  ): void {
    const adapted = adaptService(definition, implementation, options);
    // grpc-js refuses a service without methods; there is nothing to serve then.
    if (Object.keys(adapted.definition).length > 0)
      this.#server.addService(adapted.definition, adapted.handlers);
  }

  accept(connection: Duplex): void {
    connection.on('error', () => {});
    this.#connections.add(connection);
    connection.once('close', () => {
      this.#connections.delete(connection);
      if (this.#connections.size === 0) this.#onDeserted();
    });
    this.#inject(connection);
  }

  /** Calls in flight end, within the limit. */
  async close(limitMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      timer = setTimeout(resolve, limitMs);
      timer.unref();
      // grpc-js does not hear of a session that its client has just broken off, and would wait for it forever.
      this.#onDeserted = resolve;
      this.#server.tryShutdown(() => resolve());
      if (this.#connections.size === 0) resolve();
    });
    clearTimeout(timer);
    this.#server.forceShutdown();
  }

  breakOff(): void {
    this.#server.forceShutdown();
  }
}
