import { connectivityState, credentials, Channel as GrpcChannel } from '@grpc/grpc-js';
import { MESSAGE_LIMIT_BYTES } from '@plugd/protocol/message-limit';
import type { Channel } from '../routing/grpc-call';
import type { NamedCall } from './named-call';

/** How long a daemon that was lost may take to answer again, in milliseconds: until then its calls may yet go on. */
const silentMs = 20_000;

/** The connection to a daemon's front door. A daemon that is started again may have it elsewhere. */
export class Door {
  /** The calls that have begun, and not ended. */
  readonly running = new Set<NamedCall>();
  readonly #silentMs: number;
  #target: string;
  #channel: Channel;
  #silence: NodeJS.Timeout | undefined;

  /** @param target as the daemon tells it: `unix:/path`, or `host:port` */
  constructor(target: string, limits: { readonly silentMs?: number } = {}) {
    this.#silentMs = limits.silentMs ?? silentMs;
    this.#target = target;
    this.#channel = openDoor(target);
  }

  /**
   * The daemon was lost. Where it is stopped, or hangs, its connection stands, and calls without a limit of their own would wait
   * for ever: they are cut where nobody answers for long, and again, as long as nobody does.
   */
  lost(): void {
    clearInterval(this.#silence);
    this.#silence = setInterval(() => this.#cut(), this.#silentMs).unref();
  }

  /** One answers again. */
  found(): void {
    clearInterval(this.#silence);
  }

  #cut(): void {
    // Without a connection there are only calls that wait for one.
    if (this.#channel.getConnectivityState(false) !== connectivityState.READY) return;
    for (const call of [...this.running]) call.lose();
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
    this.found();
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
    // No keepalive: on a connection that ends in order grpc-js can't send its ping, and cuts the calls that are to go on.
  });
}
