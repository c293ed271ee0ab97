import { Metadata } from '@grpc/grpc-js';
import { type GetResponse, KvClient, KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { createPromiseClient } from '@plugd/protocol/rpc/client';
import { createStub } from '../../../host/src/routing/stub';
import { SwapChannel, type SwapChannelOptions } from '../../../host/src/routing/swap-channel';
import { onCleanUp } from '../rpc/local-server';
import { type Outcome, outcome, startGeneration } from './local-generation';

export function newRoute(options: Partial<SwapChannelOptions> = {}): SwapChannel {
  const route = new SwapChannel({ name: 'kv', ...options });
  onCleanUp(() => route.close());
  return route;
}

/** A route to a first generation, with a client of either style. */
export async function routed(options: Partial<SwapChannelOptions> = {}) {
  const route = newRoute(options);
  const { generation } = route.swap(await startGeneration(1));
  const stub = createStub(KvClient, route.facade());
  const client = createPromiseClient(KvDefinition, route.facade());
  return { route, generation, stub, client };
}

export function get(stub: KvClient, metadata = new Metadata(), options = {}): Promise<Outcome<GetResponse>> {
  return outcome((callback) => stub.get({ key: 'k' }, metadata, options, callback));
}

/** Metadata that ask to wait for a route. */
export function waiting(): Metadata {
  return new Metadata({ waitForReady: true });
}
