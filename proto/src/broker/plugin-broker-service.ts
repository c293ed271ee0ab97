import type { GRPCBrokerDefinition } from '../gen/plugin/grpc_broker';
import type { ServiceImplementation } from '../rpc/service';
import type { BrokerStream } from './broker-stream';
import { MessagePipe } from './message-pipe';

/**
 * The plugin's end: the service that the host's broker calls. Each StartStream gives a stream, and a plugin makes a
 * broker of its own for each; there is one, unless a host is replaced by another.
 */
export function pluginBrokerService(
  onStream: (stream: BrokerStream) => void,
): ServiceImplementation<GRPCBrokerDefinition> {
  return {
    startStream: (requests, call) => {
      const pipe = new MessagePipe();
      const leave = (): void => pipe.end();
      call.signal.addEventListener('abort', leave, { once: true });
      onStream(pipe);
      void pipe.read(requests);
      return pipe.outgoing;
    },
  };
}
