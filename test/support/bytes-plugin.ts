import { join } from 'node:path';
import {
  type CallOptions,
  Client,
  type ClientDuplexStream,
  credentials,
  Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type StatusObject,
} from '@grpc/grpc-js';
import type { PluginState } from '../../host/src/events/host-event';
import type { FrontDoorPlugin } from '../../host/src/front-door/service-table';
import { SwapChannel } from '../../host/src/routing/swap-channel';

export const bytesService = 'bytes.Bytes';
const bytesPath = `/${bytesService}/Call`;
const asItIs = (bytes: Buffer): Buffer => bytes;
const bytesMethod = {
  path: bytesPath,
  requestStream: true,
  responseStream: true,
  requestSerialize: asItIs,
  requestDeserialize: asItIs,
  responseSerialize: asItIs,
  responseDeserialize: asItIs,
};

/** A call of the plugin, in bytes. */
export type BytesCall = ServerDuplexStream<Buffer, Buffer>;

/** A plugin without a process: a server behind a route, which serves one method in bytes. */
export class BytesPlugin implements FrontDoorPlugin {
  readonly name = 'bytes';
  readonly route = new SwapChannel({ name: this.name });
  readonly channel = this.route.facade();
  state: PluginState = 'serving';
  readonly #server = new Server({ 'grpc.max_receive_message_length': -1 });
  #client: Client | undefined;

  /** @param answer decides what becomes of each call */
  static async start(directory: string, answer: (call: BytesCall) => void): Promise<BytesPlugin> {
    const plugin = new BytesPlugin();
    const target = `unix:${join(directory, 'plugin.sock')}`;
    plugin.#server.addService({ call: bytesMethod }, { call: answer });
    await new Promise<void>((resolve, reject) => {
      plugin.#server.bindAsync(target, ServerCredentials.createInsecure(), (error) =>
        error === null ? resolve() : reject(error),
      );
    });
    plugin.#client = bytesClient(target);
    plugin.route.swap({ number: 1, channel: plugin.#client.getChannel() });
    return plugin;
  }

  status() {
    return { state: this.state, generation: 1 };
  }

  stop(): void {
    this.route.close();
    this.#client?.close();
    this.#server.forceShutdown();
  }
}

export function bytesClient(target: string, options: object = {}): Client {
  return new Client(target, credentials.createInsecure(), {
    'grpc.max_receive_message_length': -1,
    ...options,
  });
}

/** Begins a call in bytes. */
export function beginBytes(
  client: Client,
  {
    path = bytesPath,
    metadata = new Metadata(),
    ...options
  }: CallOptions & { path?: string; metadata?: Metadata } = {},
): ClientDuplexStream<Buffer, Buffer> {
  return client.makeBidiStreamRequest(path, asItIs, asItIs, metadata, options);
}

/** What came of a call: headers, messages, status. */
export interface BytesAnswer {
  readonly headers: Metadata | undefined;
  readonly messages: Buffer[];
  readonly status: StatusObject;
}

/** Reads a call to its end. */
export function answerOf(call: ClientDuplexStream<Buffer, Buffer>): Promise<BytesAnswer> {
  return new Promise((resolve) => {
    let headers: Metadata | undefined;
    const messages: Buffer[] = [];
    call.on('metadata', (metadata: Metadata) => {
      headers = metadata;
    });
    call.on('data', (message: Buffer) => messages.push(message));
    call.on('error', () => {});
    call.on('status', (status: StatusObject) => resolve({ headers, messages, status }));
  });
}
