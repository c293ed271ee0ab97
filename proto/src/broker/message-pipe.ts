import { status } from '@grpc/grpc-js';
import type { ConnInfo } from '../gen/plugin/grpc_broker';
import type { PluginError } from '../plugin-error';
import { RpcError } from '../rpc/rpc-error';
import { brokerClosed, brokerError } from './broker-error';
import type { BrokerStream } from './broker-stream';
import { MAX_WAITING } from './rules';

interface Outgoing {
  readonly info: ConnInfo;
  sent(): void;
  failed(reason: PluginError): void;
}

type Next = IteratorResult<ConnInfo, undefined>;

/** A {@link BrokerStream} over a call that streams both ways: give {@link outgoing} to it, and {@link read} from it. */
export class MessagePipe implements BrokerStream {
  readonly #outgoing: Outgoing[] = [];
  readonly #early: ConnInfo[] = [];
  #dropped = 0;
  #asked: ((next: Next) => void) | undefined;
  #onReceive: ((info: ConnInfo) => void) | undefined;
  #onEnd: ((reason: PluginError) => void) | undefined;
  #ended: PluginError | undefined;

  send(info: ConnInfo): Promise<void> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    // One that goes on knocking and never reads what it is answered must not make this side keep the answers.
    if (this.#outgoing.length >= MAX_WAITING) {
      this.#dropped++;
      return Promise.reject(
        brokerError('BROKER_PROTOCOL', 'The other side reads no broker messages.', {
          serviceId: info.serviceId,
          waiting: this.#outgoing.length,
        }),
      );
    }
    return new Promise((sent, failed) => {
      this.#outgoing.push({ info, sent, failed });
      this.#hand();
    });
  }

  get dropped(): number {
    return this.#dropped;
  }

  onReceive(listener: (info: ConnInfo) => void): void {
    this.#onReceive = listener;
    for (const info of this.#early.splice(0)) listener(info);
  }

  onEnd(listener: (reason: PluginError) => void): void {
    if (this.#ended === undefined) this.#onEnd = listener;
    else listener(this.#ended);
  }

  end(reason: PluginError = brokerClosed()): void {
    if (this.#ended !== undefined) return;
    this.#ended = reason;
    for (const { failed } of this.#outgoing.splice(0)) failed(reason);
    this.#hand();
    this.#onEnd?.(reason);
  }

  /** What is to be sent, each message once it is asked for. */
  readonly outgoing: AsyncIterable<ConnInfo> = {
    [Symbol.asyncIterator]: () => ({
      next: (): Promise<Next> =>
        new Promise((resolve) => {
          this.#asked = resolve;
          this.#hand();
        }),
      return: (): Promise<Next> => {
        // The call has ended, and why is about to be read: that reason is the better one.
        setImmediate(() => this.end());
        return Promise.resolve({ done: true, value: undefined });
      },
    }),
  };

  /** Takes what comes in, to its end. Never rejects. */
  async read(incoming: AsyncIterable<ConnInfo>): Promise<void> {
    try {
      for await (const info of incoming) {
        if (this.#ended !== undefined) return;
        if (this.#onReceive !== undefined) this.#onReceive(info);
        else if (this.#early.length < MAX_WAITING) this.#early.push(info);
        else this.#dropped++;
      }
      this.end();
    } catch (error) {
      this.end(endReason(error));
    }
  }

  #hand(): void {
    const asked = this.#asked;
    if (asked === undefined) return;
    const next = this.#outgoing.shift();
    if (next === undefined && this.#ended === undefined) return;
    this.#asked = undefined;
    if (next === undefined) {
      asked({ done: true, value: undefined });
      return;
    }
    asked({ done: false, value: next.info });
    next.sent();
  }
}

function endReason(error: unknown): PluginError {
  if (error instanceof RpcError && error.code === status.UNIMPLEMENTED) {
    return brokerError('BROKER_UNSUPPORTED', 'The plugin has no broker (plugin.GRPCBroker).', {}, error);
  }
  return brokerClosed(error);
}
