import type { Client } from '@grpc/grpc-js';
import { PluginError } from '@plugd/protocol/plugin-error';
import type { PromiseClient } from '@plugd/protocol/rpc/client';
import type { AnyServiceDefinition } from '@plugd/protocol/rpc/definition';
import type { Instance } from '../instance/instance';
import type { Channel } from '../routing/grpc-call';
import { PinnedRoute } from '../routing/pinned-route';
import type { StubConstructor, StubOptions } from '../routing/stub';

/** One instance, to be called whatever the route leads to. Its stubs, clients and channel end with the scope. */
export interface InstanceCalls {
  readonly version: string;
  readonly generation: number;
  /** What host and plugin agreed on. */
  readonly protocolVersion: number;
  readonly pid: number;
  /** For any stub library that takes a grpc-js channel. */
  readonly channel: Channel;
  /** As `plugin.stub`. */
  stub<Stub extends Client>(stubClass: StubConstructor<Stub>, options?: StubOptions): Stub;
  /** As `plugin.client`. */
  client<Def extends AnyServiceDefinition>(definition: Def): PromiseClient<Def>;
}

/**
 * Lets `use` call an instance; what it leaves running is cut with ROUTE_CLOSED and `afterwards` as the details. When
 * the signal fires, its calls are cut at once.
 */
export async function withInstanceCalls<T>(
  instance: Instance,
  afterwards: string,
  use: (calls: InstanceCalls) => Promise<T> | T,
  signal?: AbortSignal,
): Promise<T> {
  const { plugin, generation, version } = instance.identity;
  const route = new PinnedRoute(plugin, { number: generation, channel: instance.connection.channel });
  const { protocolVersion, pid } = instance.launched.record;
  const cut = () => {
    const { reason } = signal ?? {};
    if (reason instanceof PluginError) route.close(reason.code, reason.summary);
  };
  signal?.addEventListener('abort', cut, { once: true });
  try {
    return await use({
      version,
      generation,
      protocolVersion,
      pid,
      channel: route.calls.channel,
      stub: (stubClass, options) => route.calls.stub(stubClass, options),
      client: (definition) => route.calls.client(definition),
    });
  } finally {
    signal?.removeEventListener('abort', cut);
    route.close('ROUTE_CLOSED', afterwards);
  }
}
