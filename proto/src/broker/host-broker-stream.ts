import type { ChannelInterface } from '@grpc/grpc-js';
import { GRPCBrokerDefinition } from '../gen/plugin/grpc_broker';
import { createPromiseClient } from '../rpc/client';
import type { BrokerStream } from './broker-stream';
import { MessagePipe } from './message-pipe';

/**
 * The host's end: calls StartStream at once. Once only for a plugin, because a Go plugin closes its broker for good
 * when the first one ends.
 */
export function hostBrokerStream(channel: ChannelInterface): BrokerStream {
  const left = new AbortController();
  const pipe = new MessagePipe();
  const call = createPromiseClient(GRPCBrokerDefinition, channel);
  void pipe.read(call.startStream(pipe.outgoing, { signal: left.signal }));
  return {
    get dropped() {
      return pipe.dropped;
    },
    send: (info) => pipe.send(info),
    onReceive: (listener) => pipe.onReceive(listener),
    onEnd: (listener) => pipe.onEnd(listener),
    end: () => {
      pipe.end();
      left.abort();
    },
  };
}
