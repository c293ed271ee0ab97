import {
  type Metadata,
  Metadata as NewMetadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
} from '@grpc/grpc-js';
import type { TlsOptions } from '../../../sdk/src/net/serving-credentials';
import {
  type ConformanceServiceServer,
  ConformanceServiceService,
} from '../gen/connectrpc/conformance/v1/service';
import { handlers, type Surroundings } from './handlers';
import { asEnding } from './rpc-status';

type AnyCall =
  | ServerUnaryCall<unknown, unknown>
  | ServerReadableStream<unknown, unknown>
  | ServerWritableStream<unknown, unknown>
  | ServerDuplexStream<unknown, unknown>;

/** The same service on grpc-js alone, to tell its faults from ours. */
export async function startRawServer(tls: TlsOptions | undefined): Promise<string> {
  const server = new Server();
  server.addService(ConformanceServiceService, service);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', credentialsOf(tls), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  return `127.0.0.1:${port}`;
}

const service: Pick<ConformanceServiceServer, 'unary' | 'clientStream' | 'serverStream' | 'bidiStream'> &
  Record<string, never> = Object.assign(Object.create(null), {
  unary: ((call, callback) => {
    const { around, trailers } = surroundings(call);
    handlers.unary(call.request, around).then(
      (answer) => callback(null, answer, trailers),
      (error) => callback(withTrailers(error, trailers)),
    );
  }) satisfies ConformanceServiceServer['unary'],
  clientStream: ((call, callback) => {
    const { around, trailers } = surroundings(call);
    handlers.clientStream(requests(call), around).then(
      (answer) => callback(null, answer, trailers),
      (error) => callback(withTrailers(error, trailers)),
    );
  }) satisfies ConformanceServiceServer['clientStream'],
  serverStream: ((call) => {
    const { around, trailers } = surroundings(call);
    void sendAll(handlers.serverStream(call.request, around), call, trailers);
  }) satisfies ConformanceServiceServer['serverStream'],
  bidiStream: ((call) => {
    const { around, trailers } = surroundings(call);
    void sendAll(handlers.bidiStream(requests(call), around), call, trailers);
  }) satisfies ConformanceServiceServer['bidiStream'],
});

function surroundings(call: AnyCall): { around: Surroundings; trailers: Metadata } {
  const trailers = new NewMetadata();
  const deadline = Number(call.getDeadline());
  return {
    trailers,
    around: {
      metadata: call.metadata,
      deadline: Number.isFinite(deadline) ? deadline : undefined,
      header: (metadata) => call.sendMetadata(metadata),
      trailer: (metadata) => trailers.merge(metadata),
    },
  };
}

/** Leaving the iteration early must not end the call. */
async function* requests<T>(
  call: ServerReadableStream<T, unknown> | ServerDuplexStream<T, unknown>,
): AsyncGenerator<T, void> {
  yield* call.iterator({ destroyOnReturn: false });
}

async function sendAll<T>(
  answers: AsyncIterable<T>,
  call: ServerWritableStream<unknown, T> | ServerDuplexStream<unknown, T>,
  trailers: Metadata,
): Promise<void> {
  try {
    for await (const answer of answers) call.write(answer);
    call.end(trailers);
  } catch (error) {
    call.emit('error', withTrailers(error, trailers));
  }
}

function withTrailers(error: unknown, trailers: Metadata) {
  const { code, details, metadata } = asEnding(error);
  const all = metadata.clone();
  all.merge(trailers);
  return { code, details, metadata: all };
}

function credentialsOf(tls: TlsOptions | undefined): ServerCredentials {
  if (tls === undefined) return ServerCredentials.createInsecure();
  const { certificatePem, keyPem, clientCaPem } = tls;
  return ServerCredentials.createSsl(
    clientCaPem === undefined ? null : Buffer.from(clientCaPem),
    [{ cert_chain: Buffer.from(certificatePem), private_key: Buffer.from(keyPem) }],
    clientCaPem !== undefined,
  );
}
