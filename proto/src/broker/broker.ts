import type { Duplex } from 'node:stream';
import type { Channel } from '@grpc/grpc-js';
import { MESSAGE_LIMIT_BYTES } from '../message-limit';
import type { PluginError } from '../plugin-error';
import type { AnyServiceDefinition } from '../rpc/definition';
import type { AdaptOptions, ServiceImplementation } from '../rpc/service';
import { BrokerBook } from './broker-book';
import { brokerClosed, brokerError } from './broker-error';
import type { BrokerStream } from './broker-stream';
import { BrokeredChannel, type Carry } from './brokered-channel';
import { BrokeredServer } from './brokered-server';
import { type Clock, systemClock } from './clock';
import { MultiplexedTransport } from './multiplexed-transport';
import { PlainTransport } from './plain-transport';
import type { BrokerSecurity } from './security';
import type { StreamRouter } from './stream-router';
import type { Acceptance, BrokerTransport } from './transport';

const RELEASE_LIMIT_MS = 5000;

/** What the other side sent and this side had no room for, since the broker's start. */
export interface BrokerCounters {
  /** Announcements, knocks and answers. */
  readonly droppedMessages: number;
  /** Connections to what this side serves. */
  readonly refusedConnections: number;
}

/** What a {@link Broker} is made of. */
export interface BrokerOptions {
  readonly stream: BrokerStream;
  /** This side's directory for sockets. With multiplexing only this user may enter it. */
  readonly directory: string;
  /**
   * The instance's directory, for the host: unix sockets of the other side's outside of it are refused. Default:
   * they may be anywhere, for the plugin, which trusts its host.
   */
  readonly peerDirectory?: string;
  /** AutoMTLS. Default: plaintext. */
  readonly security?: BrokerSecurity;
  /** All connections are streams of its session. Default: each has a socket of its own. */
  readonly multiplex?: StreamRouter;
  /** Prepares a socket before the other side can see it: owner, mode. */
  readonly prepareSocket?: (path: string) => void;
  /** The largest message that is taken on brokered connections. Default: {@link MESSAGE_LIMIT_BYTES}. */
  readonly maxMessageBytes?: number;
  /** For all services that are served. */
  readonly calls?: Partial<AdaptOptions>;
  readonly clock?: Clock;
}

export interface BrokerDialOptions {
  /** Gives the wait up. */
  readonly signal?: AbortSignal;
  /** Looks at the metadata of each call on the channel, as it starts. */
  readonly carry?: Carry;
}

export interface BrokerServeOptions extends Partial<AdaptOptions> {
  /** Default: the next one of this side's. */
  readonly id?: number;
}

/** What the broker holds, as data. */
export interface BrokerEntry {
  readonly id: number;
  readonly direction: 'accept' | 'dial';
  /** Absent where the connections share one. */
  readonly network?: 'unix' | 'tcp';
  readonly address?: string;
}

interface Served {
  readonly acceptance: Acceptance;
  readonly server: BrokeredServer | undefined;
}

/**
 * Further connections between a host and one instance of a plugin, in both directions. Either side serves under an id,
 * tells the other the id in a message of its own, and the other dials it, within five seconds.
 *
 * All of it ends with the broker, and the broker with its stream, or its session.
 */
export class Broker {
  /** Resolves with the reason once the broker has ended; never rejects. */
  readonly closed: Promise<PluginError>;
  readonly #options: BrokerOptions;
  readonly #book: BrokerBook;
  readonly #transport: BrokerTransport;
  readonly #maxMessageBytes: number;
  readonly #served = new Map<number, Served | undefined>();
  readonly #dialled = new Map<BrokeredChannel, BrokerEntry>();
  readonly #raw = new Set<Duplex>();
  readonly #never = new AbortController().signal;
  #reason: PluginError | undefined;
  #resolveClosed: (reason: PluginError) => void = () => {};

  constructor(options: BrokerOptions) {
    this.#options = options;
    const { stream, directory, multiplex, clock = systemClock } = options;
    this.#maxMessageBytes = options.maxMessageBytes ?? MESSAGE_LIMIT_BYTES;
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
    this.#book = new BrokerBook({ clock });
    const send = stream.send.bind(stream);
    this.#transport =
      multiplex === undefined
        ? new PlainTransport({
            book: this.#book,
            directory,
            peerDirectory: options.peerDirectory,
            prepare: options.prepareSocket,
            send,
          })
        : new MultiplexedTransport({ router: multiplex, directory, clock, send });
    stream.onEnd((reason) => this.#end(reason));
    void multiplex?.session.closed.then((reason) => this.#end(brokerClosed(reason)));
    stream.onReceive((info) => {
      if (this.#reason === undefined) this.#transport.receive(info);
    });
  }

  get counters(): BrokerCounters {
    return {
      droppedMessages: (this.#options.stream.dropped ?? 0) + this.#book.dropped,
      refusedConnections: this.#transport.refused,
    };
  }

  /** An id of this side's that is not in use. */
  nextId(): number {
    for (;;) {
      const id = this.#book.nextId();
      if (!this.#served.has(id)) return id;
    }
  }

  /**
   * Serves until the id is released or the broker ends. @returns the id by which the other side can dial it
   * @throws PluginError BROKER_CLOSED, BROKER_ID_TAKEN, LISTEN_FAILED, SOCKET_PATH_TOO_LONG, OPTIONS_INVALID
   */
  async serve<Def extends AnyServiceDefinition>(
    definition: Def,
    implementation: Partial<ServiceImplementation<Def>>,
    options: BrokerServeOptions = {},
  ): Promise<number> {
    const { id, ...calls } = options;
    const server = new BrokeredServer(this.#options.security, this.#maxMessageBytes);
    server.offer(definition, implementation, { draining: this.#never, ...this.#options.calls, ...calls });
    return this.#accept(id, (connection) => server.accept(connection), server);
  }

  /** {@link serve} for bare connections, before TLS. */
  acceptRaw(
    onConnection: (connection: Duplex) => void,
    options: { readonly id?: number } = {},
  ): Promise<number> {
    return this.#accept(options.id, onConnection, undefined);
  }

  /**
   * A channel to what the other side serves under the id. Closing it is the caller's; it ends with the broker at the
   * latest.
   * @throws PluginError BROKER_TIMEOUT, BROKER_REFUSED, BROKER_CLOSED, BROKER_ADDRESS_REFUSED, BROKER_PROTOCOL, ABORTED
   */
  async dial(id: number, options: BrokerDialOptions = {}): Promise<Channel> {
    this.#check();
    const target = await this.#transport.dial(id, options.signal);
    if (this.#reason !== undefined) {
      target.breakOff();
      throw this.#reason;
    }
    const { security } = this.#options;
    const channel: BrokeredChannel = new BrokeredChannel(target, {
      security,
      maxMessageBytes: this.#maxMessageBytes,
      carry: options.carry,
      onClose: () => this.#dialled.delete(channel),
    });
    const place =
      this.#options.multiplex === undefined ? { network: target.network, address: target.address } : {};
    this.#dialled.set(channel, { id, direction: 'dial', ...place });
    return channel;
  }

  /** {@link dial} for one bare connection, before TLS. */
  async dialRaw(id: number, options: { readonly signal?: AbortSignal } = {}): Promise<Duplex> {
    this.#check();
    const connection = await this.#transport.connect(id, options.signal);
    if (this.#reason !== undefined) {
      connection.destroy();
      throw this.#reason;
    }
    this.#keep(connection);
    return connection;
  }

  /** Serves the id no more: new connections are refused, calls in flight end within five seconds. */
  async release(id: number): Promise<void> {
    const served = this.#served.get(id);
    if (served === undefined) return;
    this.#served.delete(id);
    served.acceptance.close();
    await served.server?.close(RELEASE_LIMIT_MS);
    served.acceptance.breakOff();
  }

  /** What is served and dialled at this moment. */
  entries(): BrokerEntry[] {
    const served = [...this.#served].flatMap(([id, one]) =>
      one === undefined ? [] : [{ id, direction: 'accept' as const, ...one.acceptance.place }],
    );
    return [...served, ...this.#dialled.values()];
  }

  /** Ends all of it at once: servers, channels, waits, sockets, and the stream. */
  close(): void {
    this.#end(brokerClosed());
  }

  async #accept(
    given: number | undefined,
    onConnection: (connection: Duplex) => void,
    server: BrokeredServer | undefined,
  ): Promise<number> {
    this.#check();
    const id = given ?? this.nextId();
    if (this.#served.has(id)) {
      throw brokerError('BROKER_ID_TAKEN', `The id ${id} is served already.`, { serviceId: id });
    }
    this.#served.set(id, undefined);
    try {
      const acceptance = await this.#transport.accept(id, onConnection);
      this.#served.set(id, { acceptance, server });
      if (this.#reason === undefined) return id;
      acceptance.breakOff();
      throw this.#reason;
    } catch (error) {
      this.#served.delete(id);
      server?.breakOff();
      throw error;
    }
  }

  #keep(connection: Duplex): void {
    this.#raw.add(connection);
    connection.once('close', () => this.#raw.delete(connection));
  }

  #check(): void {
    if (this.#reason !== undefined) throw this.#reason;
  }

  #end(reason: PluginError): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.#transport.close(reason);
    for (const served of this.#served.values()) {
      served?.server?.breakOff();
      served?.acceptance.breakOff();
    }
    this.#served.clear();
    for (const channel of [...this.#dialled.keys()]) channel.breakOff();
    for (const connection of this.#raw) connection.destroy();
    this.#options.stream.end();
    this.#resolveClosed(reason);
  }
}
