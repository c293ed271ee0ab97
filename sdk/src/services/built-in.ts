import { status } from '@grpc/grpc-js';
import { HealthDefinition } from '@plugd/protocol/gen/grpc/health/v1/health';
import { ServerReflectionDefinition as ReflectionV1 } from '@plugd/protocol/gen/grpc/reflection/v1/reflection';
import { ServerReflectionDefinition as ReflectionV1Alpha } from '@plugd/protocol/gen/grpc/reflection/v1alpha/reflection';
import { LifecycleDefinition } from '@plugd/protocol/gen/plugd/lifecycle/v1/lifecycle';
import { GRPCBrokerDefinition } from '@plugd/protocol/gen/plugin/grpc_broker';
import { GRPCControllerDefinition } from '@plugd/protocol/gen/plugin/grpc_controller';
import { GRPCStdioDefinition } from '@plugd/protocol/gen/plugin/grpc_stdio';
import type { AnyServiceDefinition } from '@plugd/protocol/rpc/definition';
import { RpcError } from '@plugd/protocol/rpc/rpc-error';
import type { ServiceImplementation } from '@plugd/protocol/rpc/service';
import type { Logger } from '../logger';
import type { StdioHub } from '../stdio/stdio-hub';
import { type HealthRegistry, wireStatus } from './health';
import { type LifecycleParts, lifecycleService } from './lifecycle';
import { type Reflected, reflect } from './reflection';
import { stdioService } from './stdio-service';

/** What the built-in services need of the plugin. */
export interface BuiltInParts {
  readonly health: HealthRegistry;
  readonly reflected: Reflected;
  readonly broker: ServiceImplementation<GRPCBrokerDefinition>;
  readonly hub: StdioHub;
  readonly log: Logger;
  readonly lifecycle: LifecycleParts;
  /** The host wants the plugin to leave: resolves when it may. */
  shutDown(): Promise<void>;
}

type Offer = <Def extends AnyServiceDefinition>(
  definition: Def,
  implementation: Partial<ServiceImplementation<Def>>,
) => void;

/** Offers the services that each plugin has, in the order of Go plugins. */
export function offerBuiltIn(offer: Offer, parts: BuiltInParts): void {
  const { health, reflected, hub, log } = parts;
  offer(HealthDefinition, {
    check: ({ service }) => {
      const found = health.get(service);
      if (found === undefined) throw new RpcError(status.NOT_FOUND, 'unknown service');
      return { status: wireStatus(found) };
    },
    list: () => ({
      statuses: Object.fromEntries(
        health.entries().map(([name, one]) => [name, { status: wireStatus(one) }]),
      ),
    }),
    watch: ({ service }, call) => health.watch(service, call.signal),
  });
  offer(ReflectionV1, { serverReflectionInfo: (requests) => reflect(requests, reflected) });
  offer(ReflectionV1Alpha, { serverReflectionInfo: (requests) => reflect(requests, reflected) });
  offer(GRPCBrokerDefinition, parts.broker);
  offer(GRPCControllerDefinition, {
    shutdown: async () => {
      await parts.shutDown();
      return {};
    },
  });
  offer(GRPCStdioDefinition, stdioService(hub, log));
  offer(LifecycleDefinition, lifecycleService(parts.lifecycle));
}
