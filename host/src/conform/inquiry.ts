import { type Channel, status } from '@grpc/grpc-js';
import {
  HealthDefinition,
  HealthCheckResponse_ServingStatus as Serving,
} from '@plugd/protocol/gen/grpc/health/v1/health';
import { createPromiseClient } from '@plugd/protocol/rpc/client';
import { RpcError } from '@plugd/protocol/rpc/rpc-error';
import { type Finding, fail, verdict, warn } from './rule';

/** A stream that is refused is refused within this; what is open then stays open. */
export const OPEN_MS = 300;

export async function health(channel: Channel, service: string, limitMs: number): Promise<Finding> {
  try {
    const client = createPromiseClient(HealthDefinition, channel);
    const answer = await client.check({ service }, { timeoutMs: limitMs });
    return verdict(answer.status === Serving.SERVING, Serving[answer.status] ?? `status ${answer.status}`);
  } catch (error) {
    return fail(describeError(error));
  }
}

/** A service that is not there is no fault where it is optional; any other error is one. */
export function lacking(error: unknown): Finding {
  const missing = error instanceof RpcError && error.code === status.UNIMPLEMENTED;
  return missing ? warn('the plugin does not have it') : fail(describeError(error));
}

export function describeError(error: unknown): string {
  return error instanceof RpcError ? `${error.codeName}: ${error.details}` : String(error);
}
