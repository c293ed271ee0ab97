import { type ChannelInterface, status } from '@grpc/grpc-js';
import { ServerReflectionDefinition as V1 } from '@plugd/protocol/gen/grpc/reflection/v1/reflection';
import { ServerReflectionDefinition as V1Alpha } from '@plugd/protocol/gen/grpc/reflection/v1alpha/reflection';
import { createPromiseClient } from '@plugd/protocol/rpc/client';
import { RpcError } from '@plugd/protocol/rpc/rpc-error';

/** The services that a plugin says it has; undefined if it has no reflection to say it with. */
export async function listServices(
  channel: ChannelInterface,
  options: { readonly timeoutMs: number; readonly signal?: AbortSignal },
): Promise<string[] | undefined> {
  for (const definition of [V1, V1Alpha]) {
    const client = createPromiseClient(definition, channel);
    try {
      const requests = [{ messageRequest: { $case: 'listServices' as const, value: '' } }];
      for await (const answer of client.serverReflectionInfo(requests, options)) {
        if (answer.messageResponse?.$case !== 'listServicesResponse') return undefined;
        return answer.messageResponse.value.service.map((service) => service.name);
      }
      return undefined;
    } catch (error) {
      if (error instanceof RpcError && error.code === status.UNIMPLEMENTED) continue;
      throw error;
    }
  }
  return undefined;
}
