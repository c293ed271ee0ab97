import { createServer as createSocketServer } from 'node:net';
import { Server, ServerCredentials, type ServerOptions, status } from '@grpc/grpc-js';
import {
  HealthCheckResponse_ServingStatus,
  type HealthServer,
  HealthService,
} from '@plugd/protocol/gen/grpc/health/v1/health';
import {
  DescribeResponse,
  type LifecycleServer,
  LifecycleService,
} from '@plugd/protocol/gen/plugd/lifecycle/v1/lifecycle';
import { type GRPCControllerServer, GRPCControllerService } from '@plugd/protocol/gen/plugin/grpc_controller';
import {
  type GRPCStdioServer,
  GRPCStdioService,
  StdioData_Channel,
} from '@plugd/protocol/gen/plugin/grpc_stdio';
import { YamuxSession } from '@plugd/protocol/yamux/session';
import type { Behaviour } from './behaviour';
import { addBroker } from './broker';
import { addPretendedCounter } from './counter';
import { addKv } from './kv';
import { block, crash } from './mischief';

const unlimited: ServerOptions = {
  'grpc.max_receive_message_length': -1,
  'grpc.max_send_message_length': -1,
};

/** What go-plugin registers on every server, with the faults that were asked for. */
export function createServer(behaviour: Behaviour): Server {
  const server = new Server(unlimited);
  const health: HealthServer = {
    check: ({ request }, answer) => checkHealth(behaviour, request.service, answer),
    list: (_, answer) => answer({ code: status.UNIMPLEMENTED }),
    watch: (call) => call.write({ status: HealthCheckResponse_ServingStatus.SERVING }),
  };
  if (behaviour.health !== 'missing') server.addService(HealthService, health);
  const controller: GRPCControllerServer = {
    shutdown: (_, answer) => {
      if (behaviour.shutdown === 'crashes') crash();
      if (behaviour.shutdown === 'blocks') block();
      if (behaviour.shutdown === 'hangs') return;
      answer(null, {});
      if (behaviour.shutdown === 'stays') return;
      setImmediate(() => {
        server.forceShutdown();
        process.exit(0);
      });
    },
  };
  if (behaviour.shutdown !== 'missing') server.addService(GRPCControllerService, controller);
  // Open until the end; there is nothing that this plugin prints in good faith.
  const stdio: GRPCStdioServer = { streamStdio: (call) => floodStdio(call, behaviour.stdio?.()) };
  server.addService(GRPCStdioService, stdio);
  const version = process.env['CHAOS_VERSION'];
  if (version !== undefined) {
    const lifecycle: Pick<LifecycleServer, 'describe' | 'drain'> = {
      describe: (_, answer) => answer(null, DescribeResponse.create({ name: 'chaos', version })),
      drain: (_, answer) => {
        if (behaviour.drain === 'crashes') crash();
        if (behaviour.drain === 'blocks') block();
        if (behaviour.drain !== 'hangs') answer(null, {});
      },
    };
    server.addService(LifecycleService, lifecycle);
  }
  addBroker(server, behaviour);
  if (behaviour.counter === 'pretends') addPretendedCounter(server);
  addKv(server, behaviour);
  return server;
}

type StdioCall = Parameters<GRPCStdioServer['streamStdio']>[0];

/** As fast as the host reads. */
function floodStdio(call: StdioCall, data: Buffer | undefined): void {
  if (data === undefined) return;
  const { STDOUT, STDERR } = StdioData_Channel;
  for (let i = 0; !call.cancelled; i++) {
    // Every third piece is on a channel that there isn't.
    if (call.write({ channel: [STDOUT, STDERR, 7][i % 3] ?? STDOUT, data })) continue;
    call.once('drain', () => setImmediate(floodStdio, call, data));
    return;
  }
}

/** A number that the service has no name for. */
const NO_STATUS: number = 77;

type HealthAnswer = Parameters<HealthServer['check']>[1];

function checkHealth(behaviour: Behaviour, service: string, answer: HealthAnswer): void {
  const { SERVING, NOT_SERVING } = HealthCheckResponse_ServingStatus;
  switch (behaviour.health) {
    case 'serving':
      if (service === '' || service === 'plugin') answer(null, { status: SERVING });
      else answer({ code: status.NOT_FOUND, details: 'unknown service' });
      break;
    case 'not serving':
      answer(null, { status: NOT_SERVING });
      break;
    case 'fails':
      answer({ code: status.INTERNAL, details: 'no health today' });
      break;
    case 'nonsense':
      answer(null, { status: NO_STATUS });
      break;
    case 'crashes':
      crash();
      break;
    case 'blocks':
      block();
      break;
    case 'hangs':
    case 'missing':
  }
}

/** Returns the port where the address is a TCP one. */
export function bind(server: Server, target: string, credentials: ServerCredentials): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(target, credentials, (error, port) => (error ? reject(error) : resolve(port)));
  });
}

/** Serves whatever stream comes, and resolves with no port. */
export function bindMultiplexed(
  server: Server,
  path: string,
  credentials: ServerCredentials,
): Promise<number> {
  const injector = server.createConnectionInjector(credentials);
  const listener = createSocketServer((socket) => {
    socket.on('error', () => {});
    new YamuxSession(socket, { side: 'server' }).onStream((stream) => {
      stream.on('error', () => {});
      injector.injectConnection(stream);
    });
  });
  return new Promise((resolve, reject) => {
    listener.once('error', reject);
    listener.listen(path, () => resolve(0));
  });
}

export function credentials(
  tls: { readonly hostPem: string; readonly keyPem: string; readonly certificatePem: string } | undefined,
): ServerCredentials {
  if (tls === undefined) return ServerCredentials.createInsecure();
  return ServerCredentials.createSsl(
    Buffer.from(tls.hostPem),
    [{ private_key: Buffer.from(tls.keyPem), cert_chain: Buffer.from(tls.certificatePem) }],
    true,
  );
}
