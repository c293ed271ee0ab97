import type { Broker } from '@plugd/protocol/broker/broker';
import { BrokeredServer } from '@plugd/protocol/broker/brokered-server';
import type { BrokerSecurity } from '@plugd/protocol/broker/security';
import type { AnyServiceDefinition } from '@plugd/protocol/rpc/definition';
import type { AdaptOptions, ServiceImplementation } from '@plugd/protocol/rpc/service';

/** Serves until the last connection has ended. @returns the id */
export async function serveUntilLeft<Def extends AnyServiceDefinition>(
  broker: Broker,
  definition: Def,
  implementation: Partial<ServiceImplementation<Def>>,
  calls: AdaptOptions,
  security: BrokerSecurity | undefined,
): Promise<number> {
  const server = new BrokeredServer(security);
  server.offer(definition, implementation, calls);
  const id = broker.nextId();
  let open = 0;
  const left = (): void => {
    if (--open > 0) return;
    server.breakOff();
    void broker.release(id);
  };
  void broker.closed.then(() => server.breakOff());
  return broker.acceptRaw(
    (connection) => {
      open++;
      connection.once('close', left);
      server.accept(connection);
    },
    { id },
  );
}
