import { createServer, type Server as NetServer, type Socket } from 'node:net';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { AdminDefinition } from '@plugd/protocol/gen/plugd/admin/v1/admin';
import { MESSAGE_LIMIT_BYTES } from '@plugd/protocol/message-limit';
import { adaptService, type ServiceImplementation } from '@plugd/protocol/rpc/service';
import { type DoorPlace, listenAt } from '../front-door/door-place';

/** What clients send is short. */
const longestRequestBytes = 4 * 1024 * 1024;

/** The admin API on a unix socket that this user alone can connect to. */
export class AdminServer {
  readonly #listener: NetServer = createServer();
  readonly #server = new Server({
    'grpc.max_receive_message_length': longestRequestBytes,
    'grpc.max_send_message_length': MESSAGE_LIMIT_BYTES,
    'grpc.max_concurrent_streams': 100,
    'grpc.enable_channelz': 0,
  });
  readonly #draining = new AbortController();
  readonly #sockets = new Set<Socket>();
  #place: DoorPlace | undefined;
  #closed: Promise<void> | undefined;

  private constructor(service: ServiceImplementation<AdminDefinition>) {
    const { definition, handlers } = adaptService(AdminDefinition, service, {
      draining: this.#draining.signal,
    });
    this.#server.addService(definition, handlers);
    const injector = this.#server.createConnectionInjector(ServerCredentials.createInsecure());
    this.#listener.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => {});
      socket.once('close', () => this.#sockets.delete(socket));
      injector.injectConnection(socket);
    });
  }

  /**
   * Takes the place of a socket that a dead daemon has left.
   *
   * Throws PluginError SOCKET_IN_USE where somebody listens, SOCKET_PATH_TOO_LONG, LISTEN_FAILED.
   */
  static async open(socket: string, service: ServiceImplementation<AdminDefinition>): Promise<AdminServer> {
    const server = new AdminServer(service);
    server.#place = await listenAt(server.#listener, { socket });
    return server;
  }

  /** Takes no more calls and removes the socket; calls in flight may end within the limit, in milliseconds. */
  close(limitMs = 2_000): Promise<void> {
    this.#closed ??= this.#close(limitMs);
    return this.#closed;
  }

  async #close(limitMs: number): Promise<void> {
    this.#place?.remove();
    this.#listener.close();
    this.#draining.abort();
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      timer = setTimeout(resolve, limitMs);
      this.#server.tryShutdown(() => resolve());
      if (this.#sockets.size === 0) resolve();
    });
    clearTimeout(timer);
    this.#server.forceShutdown();
    for (const socket of this.#sockets) socket.destroy();
  }
}
