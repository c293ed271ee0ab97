import { credentials, Channel as GrpcChannel } from '@grpc/grpc-js';
import { MESSAGE_LIMIT_BYTES } from '@plugd/protocol/message-limit';
import type { Channel } from '../routing/grpc-call';

/** The connection to a daemon's front door. A daemon that is started again may have it elsewhere. */
export class Door {
  #target: string;
  #channel: Channel;

  /** @param target as the daemon tells it: `unix:/path`, or `host:port` */
  constructor(target: string) {
    this.#target = target;
    this.#channel = openDoor(target);
  }

  get channel(): Channel {
    return this.#channel;
  }

  /** A daemon that has none any more leaves calls where they were: nobody answers there. */
  moved(target: string): void {
    if (target === this.#target || target === '') return;
    this.#target = target;
    this.#channel.close();
    this.#channel = openDoor(target);
  }

  /** Calls in flight go on. */
  close(): void {
    this.#channel.close();
  }
}

function openDoor(target: string): Channel {
  return new GrpcChannel(target, credentials.createInsecure(), {
    'grpc.max_receive_message_length': MESSAGE_LIMIT_BYTES,
    'grpc.max_send_message_length': -1,
    'grpc.enable_http_proxy': 0,
    'grpc.service_config_disable_resolution': 1,
    'grpc.use_local_subchannel_pool': 1,
    'grpc.enable_channelz': 0,
    'grpc.initial_reconnect_backoff_ms': 50,
    'grpc.max_reconnect_backoff_ms': 250,
    // A daemon that is stopped, or hangs, would else let calls without a limit of their own wait for ever.
    'grpc.keepalive_time_ms': 10_000,
    'grpc.keepalive_timeout_ms': 20_000,
  });
}
