import { type Server, status } from '@grpc/grpc-js';
import {
  type ConnInfo,
  type GRPCBrokerServer,
  GRPCBrokerService,
} from '@plugd/protocol/gen/plugin/grpc_broker';
import type { Behaviour } from './behaviour';
import { block, crash } from './mischief';

/** What a host can write on the broker's stream. */
export type BrokerMessage = 'offer' | 'knock' | 'answer';

/** What this plugin does when it reads one. */
export type BrokerDeed = 'crashes' | 'ends' | 'fails' | 'hangs' | 'admits';

type BrokerCall = Parameters<GRPCBrokerServer['startStream']>[0];

export function addBroker(server: Server, { broker }: Behaviour): void {
  if (broker === 'missing') return;
  const service: GRPCBrokerServer = {
    startStream: (call) => {
      call.on('end', () => call.end());
      call.on('data', (info: ConnInfo) => {
        if (broker !== 'silent' && 'deed' in broker && kindOf(info) === broker.message)
          deeds[broker.deed](call, info);
      });
      if (broker !== 'silent' && 'network' in broker) announce(call, broker);
    },
  };
  server.addService(GRPCBrokerService, service);
}

/** Again and again: an announcement is worth five seconds. */
function announce(call: BrokerCall, place: Pick<ConnInfo, 'network' | 'address'>): void {
  const write = (): void => void call.write({ serviceId: 1, knock: undefined, ...place });
  write();
  const timer = setInterval(write, 1000);
  call.once('close', () => clearInterval(timer));
  call.once('cancelled', () => clearInterval(timer));
}

function kindOf({ knock }: ConnInfo): BrokerMessage {
  if (knock === undefined) return 'offer';
  return knock.knock && !knock.ack ? 'knock' : 'answer';
}

const deeds: Record<BrokerDeed, (call: BrokerCall, info: ConnInfo) => void> = {
  crashes: crash,
  ends: (call) => call.end(),
  fails: (call) => call.emit('error', { code: status.INTERNAL, details: 'no such id' }),
  hangs: block,
  admits: (call, { serviceId }) =>
    call.write({ serviceId, network: '', address: '', knock: { knock: true, ack: true, error: '' } }),
};
