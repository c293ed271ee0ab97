import { Channel, type ChannelOptions, credentials } from '@grpc/grpc-js';
import { grpcTarget } from '@plugd/protocol/grpc-address';
import { MESSAGE_LIMIT_BYTES } from '@plugd/protocol/message-limit';

/** What one side shows and whom it trusts, as PEM. */
export interface ChannelSecurity {
  /** Whom the host trusts: with AutoMTLS the plugin's certificate alone. Absent: the system's authorities. */
  readonly ca?: string | Buffer;
  /** What the host shows, together with `key`. Absent: nothing; plugins that want to know who calls refuse it. */
  readonly certificate?: string | Buffer;
  /** The private key of `certificate`. */
  readonly key?: string | Buffer;
  /** The name that the plugin's certificate must carry. Default: `localhost`, as go-plugin's do. */
  readonly serverName?: string;
}

export interface ChannelAddress {
  readonly network: 'unix' | 'tcp';
  readonly address: string;
}

/** A channel to one process, with go-plugin's message sizes by default and none of what only remote peers need. */
export function openChannel(
  target: ChannelAddress,
  security: ChannelSecurity | undefined,
  /** The largest message that is taken from the plugin. */
  maxMessageBytes = MESSAGE_LIMIT_BYTES,
): Channel {
  const options: ChannelOptions = {
    'grpc.max_receive_message_length': maxMessageBytes,
    // -1 is grpc-js's word for no limit: what the application sends is its own doing.
    'grpc.max_send_message_length': -1,
    // A proxy named in the environment must not come between a host and its plugin.
    'grpc.enable_http_proxy': 0,
    'grpc.service_config_disable_resolution': 1,
    // Its own connection, closed with it: never one shared with another channel to the same address.
    'grpc.use_local_subchannel_pool': 1,
    'grpc.enable_channelz': 0,
    'grpc.initial_reconnect_backoff_ms': 50,
    'grpc.max_reconnect_backoff_ms': 1000,
  };
  if (!security)
    return new Channel(grpcTarget(target.network, target.address), credentials.createInsecure(), options);
  return new Channel(
    grpcTarget(target.network, target.address),
    credentials.createSsl(
      toBuffer(security.ca) ?? null,
      toBuffer(security.key) ?? null,
      toBuffer(security.certificate) ?? null,
    ),
    { ...options, 'grpc.ssl_target_name_override': security.serverName ?? 'localhost' },
  );
}

function toBuffer(value: string | Buffer | undefined): Buffer | undefined {
  return typeof value === 'string' ? Buffer.from(value) : value;
}
