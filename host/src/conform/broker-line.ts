import type { Channel } from '@grpc/grpc-js';
import type { BrokerStream } from '@plugd/protocol/broker/broker-stream';
import { hostBrokerStream } from '@plugd/protocol/broker/host-broker-stream';
import type { ConnInfo } from '@plugd/protocol/gen/plugin/grpc_broker';
import type { PluginError } from '@plugd/protocol/plugin-error';
import { describeError } from './inquiry';
import { type Finding, fail, skip } from './rule';

/** What a host may write on the broker's stream. */
export interface Message {
  readonly serviceId: number;
  readonly network?: string;
  readonly address?: string;
  readonly knock?: { readonly knock: boolean; readonly ack: boolean; readonly error?: string };
}

/** The broker's stream of a session, with all that was heard on it; a broker may be put on it later. */
export class BrokerLine implements BrokerStream {
  readonly heard: ConnInfo[] = [];
  /** Why the stream is over; undefined as long as it is open. */
  ended: PluginError | undefined;
  #endTold = false;
  readonly #stream: BrokerStream;
  #onReceive: (info: ConnInfo) => void = () => {};
  #onEnd: ((reason: PluginError) => void) | undefined;

  /** Opens the stream: once in a plugin's life, because a Go plugin closes its broker for good when it ends. */
  constructor(channel: Channel) {
    this.#stream = hostBrokerStream(channel);
    this.#stream.onReceive((info) => {
      this.heard.push(info);
      this.#onReceive(info);
    });
    this.#stream.onEnd((reason) => {
      this.ended = reason;
      this.#onEnd?.(reason);
    });
  }

  /** What its end means to a rule that needs it; undefined as long as it is open. One rule is enough to blame. */
  endFinding(): Finding | undefined {
    if (this.ended === undefined) return undefined;
    const { code, cause } = this.ended;
    if (code === 'BROKER_UNSUPPORTED') return skip('the plugin has no broker');
    if (this.#endTold) return skip('the stream has ended');
    this.#endTold = true;
    return fail(`the stream ended${cause === undefined ? ' by itself' : `: ${describeError(cause)}`}`);
  }

  send(info: ConnInfo): Promise<void> {
    return this.#stream.send(info);
  }

  /** One after the other. Throws PluginError BROKER_CLOSED, BROKER_UNSUPPORTED. */
  async say(messages: readonly Message[]): Promise<void> {
    for (const { serviceId, network = '', address = '', knock } of messages) {
      const { knock: isKnock = false, ack = false, error = '' } = knock ?? {};
      await this.send({
        serviceId,
        network,
        address,
        knock: knock === undefined ? undefined : { knock: isKnock, ack, error },
      });
    }
  }

  /** Who comes late missed what the rules provoked: that was theirs. */
  onReceive(listener: (info: ConnInfo) => void): void {
    this.#onReceive = listener;
  }

  onEnd(listener: (reason: PluginError) => void): void {
    if (this.ended === undefined) this.#onEnd = listener;
    else listener(this.ended);
  }

  end(): void {
    this.#stream.end();
  }
}
