import type { Channel, Metadata } from '@grpc/grpc-js';
import type { Broker } from '@plugd/protocol/broker/broker';
import { PluginError } from '@plugd/protocol/plugin-error';
import type { AnyServiceDefinition } from '@plugd/protocol/rpc/definition';
import type { CallScope } from '@plugd/protocol/rpc/lineage-context';
import type { ServiceImplementation } from '@plugd/protocol/rpc/service';

/** Further connections between the host and one instance. Ids travel inside the application's own messages. */
export interface PluginBroker {
  /**
   * Serves a service to the plugin, which dials it by the id that this resolves to. It is served until the scope
   * ends; calls in flight then have five seconds.
   *
   * Throws PluginError BROKER_UNSUPPORTED where the plugin has no broker, BROKER_CLOSED where it has left.
   */
  serve<Def extends AnyServiceDefinition>(
    definition: Def,
    implementation: Partial<ServiceImplementation<Def>>,
  ): Promise<number>;
  /**
   * A channel to what the plugin serves under an id, for stubs or `createPromiseClient`. It is closed when the scope
   * ends. An id can be dialled once, within five seconds of the plugin's offer.
   *
   * Throws PluginError BROKER_TIMEOUT if the plugin offers nothing under this id within five seconds, and
   * BROKER_UNSUPPORTED, BROKER_CLOSED, BROKER_REFUSED, BROKER_ADDRESS_REFUSED.
   */
  dial(id: number): Promise<Channel>;
}

/** What calls in both directions descend from. */
export interface BrokerLineage {
  /** Asked when a service is served: makes the scope of each of its calls. */
  serving(): (metadata: Metadata) => CallScope;
  /** Adds it to what a call to the plugin sends along. */
  carry(metadata: Metadata): Metadata;
}

/** The broker of an instance, as one scope uses it: what it served and dialled ends with it. */
export class ScopedBroker implements PluginBroker {
  readonly #connection: { broker(): Promise<Broker | undefined> };
  readonly #signal: AbortSignal;
  readonly #lineage: BrokerLineage;
  readonly #releases: (() => void)[] = [];
  #ended = false;

  /** The connection has no broker for an instance that this host did not start: it is another's. */
  constructor(
    connection: { broker(): Promise<Broker | undefined> },
    signal: AbortSignal,
    lineage: BrokerLineage,
  ) {
    this.#connection = connection;
    this.#signal = signal;
    this.#lineage = lineage;
  }

  async serve<Def extends AnyServiceDefinition>(
    definition: Def,
    implementation: Partial<ServiceImplementation<Def>>,
  ): Promise<number> {
    const scope = this.#lineage.serving();
    const broker = await this.#open();
    const id = await broker.serve(definition, implementation, { scope });
    const release = () => void broker.release(id);
    if (this.#ended) release();
    else this.#releases.push(release);
    return id;
  }

  async dial(id: number): Promise<Channel> {
    const broker = await this.#open();
    const channel = await broker.dial(id, {
      signal: this.#signal,
      carry: (metadata) => this.#lineage.carry(metadata),
    });
    if (this.#ended) channel.close();
    else this.#releases.push(() => channel.close());
    return channel;
  }

  /** Calls in flight may end by themselves. */
  end(): void {
    this.#ended = true;
    for (const release of this.#releases.splice(0)) release();
  }

  async #open(): Promise<Broker> {
    if (this.#ended) throw new PluginError('BROKER_CLOSED', 'The scope of this broker has ended.');
    const broker = await this.#connection.broker();
    if (broker !== undefined) return broker;
    throw new PluginError(
      'BROKER_CLOSED',
      'A plugin that was attached to has its broker with the host that started it.',
    );
  }
}
