import { type ChannelInterface, status } from '@grpc/grpc-js';
import {
  HealthCheckResponse_ServingStatus,
  HealthDefinition,
} from '@plugd/protocol/gen/grpc/health/v1/health';
import { createPromiseClient, type PromiseClient } from '@plugd/protocol/rpc/client';
import { RpcError } from '@plugd/protocol/rpc/rpc-error';

export type HealthAnswer =
  | { readonly status: 'serving' }
  | { readonly status: 'not-serving'; readonly reported: string }
  /** The connection works, but the plugin has no health service. */
  | { readonly status: 'unknown' }
  | { readonly status: 'failed'; readonly error: unknown };

/** The service that go-plugin's hosts ask for. */
const pluginService = 'plugin';

/** Asks a plugin how it is. Unlike go-plugin's Ping it honours the status, and it has a deadline. */
export class HealthCheck {
  readonly #client: PromiseClient<typeof HealthDefinition>;

  constructor(channel: ChannelInterface) {
    this.#client = createPromiseClient(HealthDefinition, channel);
  }

  /** Never throws for what the plugin answers or fails to. */
  async ask(options: { readonly timeoutMs: number; readonly signal?: AbortSignal }): Promise<HealthAnswer> {
    const named = await this.#ask(pluginService, options);
    // A plugin that is no go-plugin may know only the server as a whole.
    if (named.status !== 'failed' || !isStatus(named.error, status.NOT_FOUND)) return named;
    const whole = await this.#ask('', options);
    return whole.status === 'failed' && isStatus(whole.error, status.NOT_FOUND)
      ? { status: 'unknown' }
      : whole;
  }

  async #ask(
    service: string,
    options: { readonly timeoutMs: number; readonly signal?: AbortSignal },
  ): Promise<HealthAnswer> {
    try {
      const answer = await this.#client.check({ service }, options);
      if (answer.status === HealthCheckResponse_ServingStatus.SERVING) return { status: 'serving' };
      return {
        status: 'not-serving',
        reported: HealthCheckResponse_ServingStatus[answer.status] ?? String(answer.status),
      };
    } catch (error) {
      return isStatus(error, status.UNIMPLEMENTED) ? { status: 'unknown' } : { status: 'failed', error };
    }
  }
}

function isStatus(error: unknown, code: status): boolean {
  return error instanceof RpcError && error.code === code;
}
