import { brokerClosed } from '@plugd/protocol/broker/broker-error';
import type { BrokerStream } from '@plugd/protocol/broker/broker-stream';
import type { ConnInfo } from '@plugd/protocol/gen/plugin/grpc_broker';
import type { PluginError } from '@plugd/protocol/plugin-error';

/** A stream to a peer that the test plays: it says what it likes, and all that it hears is kept. */
export class FakeStream implements BrokerStream {
  readonly heard: ConnInfo[] = [];
  #listener: (info: ConnInfo) => void = () => {};
  #onEnd: (reason: PluginError) => void = () => {};

  async send(info: ConnInfo): Promise<void> {
    this.heard.push(info);
  }

  onReceive(listener: (info: ConnInfo) => void): void {
    this.#listener = listener;
  }

  onEnd(listener: (reason: PluginError) => void): void {
    this.#onEnd = listener;
  }

  end(): void {
    this.#onEnd(brokerClosed());
  }

  say(info: Partial<ConnInfo>): void {
    this.#listener({ serviceId: 0, network: '', address: '', knock: undefined, ...info });
  }

  knock(serviceId: number): void {
    this.say({ serviceId, knock: { knock: true, ack: false, error: '' } });
  }

  ack(serviceId: number, error = ''): void {
    this.say({ serviceId, knock: { knock: true, ack: true, error } });
  }
}
