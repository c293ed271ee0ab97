import { type Channel, status } from '@grpc/grpc-js';
import { Broker, type BrokerCounters } from '@plugd/protocol/broker/broker';
import { hostBrokerStream } from '@plugd/protocol/broker/host-broker-stream';
import type { BrokerSecurity } from '@plugd/protocol/broker/security';
import { GRPCControllerDefinition } from '@plugd/protocol/gen/plugin/grpc_controller';
import { MESSAGE_LIMIT_BYTES } from '@plugd/protocol/message-limit';
import { createPromiseClient } from '@plugd/protocol/rpc/client';
import { RpcError } from '@plugd/protocol/rpc/rpc-error';
import type { OutputListener } from '../launch/launch-spec';
import { noOutput, type OutputCounters } from '../launch/output-counters';
import { type ChannelAddress, type ChannelSecurity, openChannel } from './channel';
import { type HealthAnswer, HealthCheck } from './health';
import { LifecycleCalls } from './lifecycle';
import type { MultiplexedWire } from './multiplexed-wire';
import { ProcessChannel } from './process-channel';
import { listServices } from './reflection';
import { SocketWatch } from './socket-watch';
import { StdioConsumer } from './stdio';

export interface CallLimit {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

/**
 * What a process said last may be read a little after its exit: no more than the socket holds, which takes a few turns
 * of the event loop. A caller whose call is to be begun anew waits as long.
 */
const lastWordsMs = 30;

/** For the round trip before the broker's first use. */
const brokerHeardMs = 5_000;

/** The channel to one process, and what the host itself calls there. */
export class Connection {
  readonly channel: ProcessChannel;
  /** What the host asks of the plugin's own life. */
  readonly lifecycle: LifecycleCalls;
  /** The connection under the channel, where all of an instance's connections share one. */
  readonly #wire: MultiplexedWire | undefined;
  readonly #target: ChannelAddress;
  readonly #security: ChannelSecurity | undefined;
  readonly #maxMessageBytes: number;
  readonly #sockets = new SocketWatch();
  #broker: Broker | undefined;
  #stdio: StdioConsumer | undefined;
  #brokerHeard: Promise<unknown> | undefined;
  /** Whether it speaks TLS. */
  readonly tls: boolean;
  readonly #health: HealthCheck;
  readonly #ended = new AbortController();

  constructor(
    target: ChannelAddress,
    security: ChannelSecurity | undefined,
    wire?: MultiplexedWire,
    /** The largest message that is taken from the plugin, on brokered connections too. */
    maxMessageBytes = MESSAGE_LIMIT_BYTES,
  ) {
    this.#wire = wire;
    this.#target = target;
    this.#security = security;
    this.#maxMessageBytes = maxMessageBytes;
    const channel = this.#sockets.run(() => {
      const opened = openChannel(wire?.address ?? target, security, maxMessageBytes);
      // At once: the first call may be made anywhere, and its connection would go unwatched.
      opened.getConnectivityState(true);
      return opened;
    });
    this.channel = new ProcessChannel(channel);
    this.tls = security !== undefined;
    this.#health = new HealthCheck(this.channel);
    this.lifecycle = new LifecycleCalls(this.channel);
  }

  /**
   * Another connection to the process, for answers of up to so many bytes. Whoever opens it closes it, and nobody drains it. Undefined
   * where all connections share one.
   */
  openBeside(maxMessageBytes: number): Channel | undefined {
    if (this.#wire !== undefined) return undefined;
    return openChannel(this.#target, this.#security, maxMessageBytes);
  }

  health(limit: CallLimit): Promise<HealthAnswer> {
    return this.#health.ask(limit);
  }

  /** @see listServices */
  services(limit: CallLimit): Promise<string[] | undefined> {
    return listServices(this.channel, limit);
  }

  /**
   * Asks the plugin to leave. Almost any error is an answer too: go-plugin's own handler cuts the connection before
   * it replies. Only a plugin without the service, and one that says nothing in time, give none.
   */
  async shutdown(timeoutMs: number): Promise<'answered' | 'unanswered'> {
    // As go-plugin's hosts do: first the broker, then the plugin.
    this.#broker?.close();
    try {
      await createPromiseClient(GRPCControllerDefinition, this.channel).shutdown({}, { timeoutMs });
    } catch (error) {
      const code = error instanceof RpcError ? error.code : status.UNKNOWN;
      if (code === status.UNIMPLEMENTED || code === status.DEADLINE_EXCEEDED) return 'unanswered';
    }
    return 'answered';
  }

  /** Reads what the plugin prints, until the connection is closed. There is one reader in a plugin's life. */
  readStdio(onOutput: OutputListener): void {
    this.#stdio = new StdioConsumer(onOutput);
    void this.#stdio.consume(this.channel, this.#ended.signal);
  }

  /** What {@link readStdio} has read. */
  get stdio(): OutputCounters {
    return this.#stdio?.counters ?? noOutput;
  }

  /**
   * The broker of this instance; undefined without {@link openBroker}. A plugin that has none says so by ending its
   * stream, which is heard before an answer to a later question: so the first use costs a round trip.
   */
  async broker(): Promise<Broker | undefined> {
    if (this.#broker !== undefined) {
      this.#brokerHeard ??= this.health({ timeoutMs: brokerHeardMs });
      await this.#brokerHeard;
    }
    return this.#broker;
  }

  /** What the plugin sent the broker for which there was no room; nothing, without a broker. */
  get brokerCounters(): BrokerCounters {
    return this.#broker?.counters ?? { droppedMessages: 0, refusedConnections: 0 };
  }

  /** Opens the broker's stream, once in a plugin's life: a Go plugin closes its broker for good when it ends. */
  openBroker(
    directory: string,
    security: BrokerSecurity | undefined,
    peerDirectory: string | undefined,
  ): void {
    this.#broker = new Broker({
      stream: hostBrokerStream(this.channel),
      directory,
      maxMessageBytes: this.#maxMessageBytes,
      ...(peerDirectory === undefined ? {} : { peerDirectory }),
      ...(security === undefined ? {} : { security }),
      ...(this.#wire === undefined ? {} : { multiplex: this.#wire.router }),
    });
  }

  /** The process has ended: so do, in a moment, all calls that it has not answered. */
  processEnded(): void {
    const end = (): void => {
      this.channel.end('Connection dropped: the process has ended');
      this.#sockets.destroy();
    };
    // A host that was itself held up for that long still has to read what is there: timers come before it.
    setTimeout(() => setImmediate(() => setImmediate(end)), lastWordsMs).unref();
  }

  close(): void {
    this.#ended.abort();
    this.#broker?.close();
    this.channel.close();
    this.#sockets.end();
    this.#wire?.close();
  }
}
