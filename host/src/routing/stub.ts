import { type ChannelCredentials, type Client, type ClientOptions, credentials } from '@grpc/grpc-js';
import { PluginError } from '@plugd/protocol/plugin-error';
import type { Channel } from './grpc-call';

/** A client class for grpc-js: as ts-proto generates it, or as `loadPackageDefinition` makes it. */
export interface StubConstructor<Stub extends Client> {
  new (address: string, credentials: ChannelCredentials, options?: Partial<ClientOptions>): Stub;
}

/**
 * What of grpc-js's client options makes sense on a channel that is there already, by grpc-js's names.
 *
 * - `interceptors` stand on every call of the stub, except on calls that are given interceptors of their own.
 * - `interceptor_providers` choose interceptors by method; they exclude `interceptors`.
 * - `callInvocationTransformer` sees and may change what a call is made from.
 */
export type StubOptions = Pick<
  ClientOptions,
  'interceptors' | 'interceptor_providers' | 'callInvocationTransformer'
>;

/**
 * A stub of this class on this channel, which becomes the stub's own: `stub.close()` closes it.
 *
 * @throws PluginError OPTIONS_INVALID if both kinds of interceptors are given.
 */
export function createStub<Stub extends Client>(
  stubClass: StubConstructor<Stub>,
  channel: Channel,
  options: StubOptions = {},
): Stub {
  if (options.interceptors?.length && options.interceptor_providers?.length) {
    throw new PluginError(
      'OPTIONS_INVALID',
      'Only one of the stub options interceptors and interceptor_providers can be given.',
    );
  }
  // Address and credentials are grpc-js's for a channel of its own making, which it does not make here.
  return new stubClass(channel.getTarget(), credentials.createInsecure(), {
    ...options,
    channelOverride: channel,
  });
}
