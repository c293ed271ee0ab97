import { Channel, type Metadata } from '@grpc/grpc-js';
import { grpcTarget } from '../grpc-address';
import { type BrokerSecurity, clientCredentials } from './security';
import type { DialTarget } from './transport';

/** What a call sends along, given what its caller wants to send: that, or a copy with more. */
export type Carry = (metadata: Metadata) => Metadata;

export interface BrokeredChannelOptions {
  readonly security: BrokerSecurity | undefined;
  /** The largest message that is taken. */
  readonly maxMessageBytes: number;
  readonly carry: Carry | undefined;
  readonly onClose: () => void;
}

/** A channel to one brokered server, which gives up what leads there when it is closed. */
export class BrokeredChannel extends Channel {
  readonly #target: DialTarget;
  readonly #carry: Carry | undefined;
  readonly #onClose: () => void;

  constructor(target: DialTarget, { security, maxMessageBytes, carry, onClose }: BrokeredChannelOptions) {
    super(grpcTarget(target.network, target.address), clientCredentials(security), {
      'grpc.max_receive_message_length': maxMessageBytes,
      // -1 is grpc-js's word for no limit.
      'grpc.max_send_message_length': -1,
      'grpc.enable_http_proxy': 0,
      'grpc.service_config_disable_resolution': 1,
      'grpc.use_local_subchannel_pool': 1,
      'grpc.enable_channelz': 0,
      'grpc.initial_reconnect_backoff_ms': 50,
      'grpc.max_reconnect_backoff_ms': 1000,
      ...(security === undefined ? {} : { 'grpc.ssl_target_name_override': 'localhost' }),
    });
    this.#target = target;
    this.#carry = carry;
    this.#onClose = onClose;
    this.getConnectivityState(true);
  }

  override createCall(...args: Parameters<Channel['createCall']>): ReturnType<Channel['createCall']> {
    const call = super.createCall(...args);
    const carry = this.#carry;
    if (carry === undefined) return call;
    const start = call.start.bind(call);
    call.start = (metadata, listener) => start(carry(metadata), listener);
    return call;
  }

  override close(): void {
    super.close();
    this.#target.close();
    this.#onClose();
  }

  /** {@link close}, and calls that run are cut where the connection is ours to cut. */
  breakOff(): void {
    this.close();
    this.#target.breakOff();
  }
}
