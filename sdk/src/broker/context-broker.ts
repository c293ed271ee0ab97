import type { Channel } from '@grpc/grpc-js';
import type { AnyServiceDefinition } from '@plugd/protocol/rpc/definition';
import type { ServiceImplementation } from '@plugd/protocol/rpc/service';

/** How a brokered service is served. */
export interface BrokeredServiceOptions {
  /**
   * Ends the service once the last connection to it has ended; the host leaves by closing its own. Default: false, it is
   * served until it is released or the broker ends.
   */
  readonly untilLeft?: boolean;
}

/**
 * Further connections between the plugin and its host, in both directions. Either side serves under an id and sends
 * the other the id in a message of its own; the other dials it, once, within five seconds.
 *
 * The host opens the broker after the handshake: until then, and between one host and the next, everything here waits
 * for it, at most five seconds. During setup nothing can come of that wait. All that is served and dialled ends with
 * the broker.
 */
export interface ContextBroker {
  /**
   * Serves to the host. Its calls count as the plugin's own: what is thrown, draining and leaving are the same.
   * @returns the id to give to the host
   * @throws PluginError BROKER_TIMEOUT, BROKER_CLOSED, LISTEN_FAILED, SOCKET_PATH_TOO_LONG, OPTIONS_INVALID
   */
  serve<Def extends AnyServiceDefinition>(
    definition: Def,
    implementation: Partial<ServiceImplementation<Def>>,
    options?: BrokeredServiceOptions,
  ): Promise<number>;
  /**
   * A channel to what the host serves under the id. Close it when it is not needed any more.
   * @throws PluginError BROKER_TIMEOUT, BROKER_REFUSED, BROKER_CLOSED, BROKER_ADDRESS_REFUSED, BROKER_PROTOCOL,
   *   OPTIONS_INVALID
   */
  dial(id: number): Promise<Channel>;
  /** Serves the id no more: new connections are refused, calls in flight end within five seconds. */
  release(id: number): Promise<void>;
}
