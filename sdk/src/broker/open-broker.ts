import { Broker } from '@plugd/protocol/broker/broker';
import type { BrokerStream } from '@plugd/protocol/broker/broker-stream';
import { pluginBrokerService } from '@plugd/protocol/broker/plugin-broker-service';
import type { GRPCBrokerDefinition } from '@plugd/protocol/gen/plugin/grpc_broker';
import type { AdaptOptions, ServiceImplementation } from '@plugd/protocol/rpc/service';
import type { BrokerWays } from './broker-ways';

type StartStream = ServiceImplementation<GRPCBrokerDefinition>['startStream'];

/** A broker over the stream that a host has opened, and what to answer the host on it. */
export function openBroker(
  requests: Parameters<StartStream>[0],
  call: Parameters<StartStream>[1],
  ways: BrokerWays,
  calls: AdaptOptions,
): { readonly broker: Broker; readonly outgoing: ReturnType<StartStream> } {
  const { directory, security, router, prepareSocket } = ways;
  const streams: BrokerStream[] = [];
  const outgoing = pluginBrokerService((stream) => streams.push(stream)).startStream(requests, call);
  const [stream] = streams;
  if (stream === undefined) throw new Error('The stream has not begun.');
  const broker = new Broker({
    stream,
    directory,
    calls,
    ...(security === undefined ? {} : { security }),
    ...(router === undefined ? {} : { multiplex: router }),
    ...(prepareSocket === undefined ? {} : { prepareSocket }),
  });
  return { broker, outgoing };
}
