import {
  type ChannelOptions,
  compressionAlgorithms,
  credentials,
  Channel as GrpcChannel,
} from '@grpc/grpc-js';
import { openChannel } from '../../../host/src/connection/channel';
import type { Channel } from '../../../host/src/routing/grpc-call';
import { SwapChannel } from '../../../host/src/routing/swap-channel';
import type { ClientCompatRequest } from '../gen/connectrpc/conformance/v1/client_compat';
import { Compression } from '../gen/connectrpc/conformance/v1/config';

/** The channels of one run: one for each server and compression, as long as the program lives. */
export class Channels {
  private readonly opened = new Map<string, Channel>();

  /** @param swapped with our seam between the calls and grpc-js, or grpc-js alone */
  constructor(private readonly swapped: boolean) {}

  get(request: ClientCompatRequest): Channel {
    const { host, port, compression, clientTlsCreds } = request;
    const key = [host, port, compression, clientTlsCreds?.cert ?? ''].join(' ');
    let channel = this.opened.get(key);
    if (channel === undefined) {
      channel = this.swapped ? this.behindSwap(request) : plainChannel(request);
      this.opened.set(key, channel);
    }
    return channel;
  }

  close(): void {
    for (const channel of this.opened.values()) channel.close();
  }

  private behindSwap(request: ClientCompatRequest): Channel {
    const route = new SwapChannel({ name: 'conformance' });
    // The host compresses nothing: processes of one machine would gain nothing by it. So grpc-js's own where the suite asks for it.
    const compressed = request.compression === Compression.COMPRESSION_GZIP;
    route.swap({ number: 1, channel: compressed ? plainChannel(request) : hostChannel(request) });
    return route.facade();
  }
}

function hostChannel({ host, port, serverTlsCert, clientTlsCreds }: ClientCompatRequest): Channel {
  const address = { network: 'tcp', address: `${host}:${port}` } as const;
  if (serverTlsCert.length === 0) return openChannel(address, undefined);
  const own =
    clientTlsCreds === undefined ? {} : { certificate: clientTlsCreds.cert, key: clientTlsCreds.key };
  return openChannel(address, { ca: serverTlsCert, ...own });
}

function plainChannel(request: ClientCompatRequest): Channel {
  const { host, port, serverTlsCert, clientTlsCreds, compression } = request;
  const options: ChannelOptions = {
    'grpc.use_local_subchannel_pool': 1,
    ...(compression === Compression.COMPRESSION_GZIP
      ? { 'grpc.default_compression_algorithm': compressionAlgorithms.gzip }
      : {}),
  };
  const security =
    serverTlsCert.length === 0
      ? credentials.createInsecure()
      : credentials.createSsl(serverTlsCert, clientTlsCreds?.key ?? null, clientTlsCreds?.cert ?? null);
  return new GrpcChannel(`${host}:${port}`, security, options);
}
