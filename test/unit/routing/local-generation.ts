import { type Client, connectivityState, type Metadata, Server, type ServiceError } from '@grpc/grpc-js';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { adaptService, type ServiceImplementation } from '@plugd/protocol/rpc/service';
import type { Channel } from '../../../host/src/routing/grpc-call';
import { kvService } from '../rpc/local-kv';
import { connect, listen } from '../rpc/local-server';

/** A version of the sample plugin at work in this process: what a swap takes, and its server. */
export interface LocalGeneration {
  readonly number: number;
  readonly channel: Channel;
  readonly target: string;
  readonly server: Server;
}

/** Answers as `v<number>`; its channel is READY. */
export async function startGeneration(
  number: number,
  overrides: Partial<ServiceImplementation<KvDefinition>> = {},
): Promise<LocalGeneration> {
  const server = new Server();
  const { definition, handlers } = adaptService(
    KvDefinition,
    { ...kvService(`v${number}`), ...overrides },
    { draining: new AbortController().signal },
  );
  server.addService(definition, handlers);
  const target = await listen(server);
  const channel = connect(target);
  await ready(channel);
  return { number, channel, target, server };
}

export async function ready(channel: Channel): Promise<void> {
  for (let state = channel.getConnectivityState(true); state !== connectivityState.READY; ) {
    await new Promise<void>((resolve, reject) => {
      channel.watchConnectivityState(state, Date.now() + 5000, (error) =>
        error ? reject(error) : resolve(),
      );
    });
    state = channel.getConnectivityState(true);
  }
}

/** What a callback-style unary call comes to. */
export type Outcome<Response> =
  | { readonly ok: true; readonly response: Response }
  | { readonly ok: false; readonly error: ServiceError };

export function outcome<Response>(
  start: (callback: (error: ServiceError | null, response?: Response) => void) => unknown,
): Promise<Outcome<Response>> {
  return new Promise((resolve, reject) => {
    start((error, response) => {
      if (error !== null) resolve({ ok: false, error });
      else if (response !== undefined) resolve({ ok: true, response });
      else reject(new Error('neither an error nor a response'));
    });
  });
}

/** The failure that a call came to. */
export async function failure(call: Promise<Outcome<unknown>>): Promise<ServiceError> {
  const result = await call;
  if (result.ok) throw new Error(`it did not fail: ${JSON.stringify(result.response)}`);
  return result.error;
}

/** What a stream of a callback-style client comes to. */
export async function streamFailure(stream: NodeJS.EventEmitter): Promise<ServiceError> {
  return new Promise((resolve) => stream.once('error', resolve));
}

export function pluginCode(metadata: Metadata): unknown {
  return metadata.get('plugd-code')[0];
}

export function waitForReady(client: Client, limitMs: number): Promise<Error | undefined> {
  return new Promise((resolve) => client.waitForReady(Date.now() + limitMs, resolve));
}
