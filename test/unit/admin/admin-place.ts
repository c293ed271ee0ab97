import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Server, ServerCredentials, type ServiceDefinition } from '@grpc/grpc-js';
import { AdminDefinition } from '@plugd/protocol/gen/plugd/admin/v1/admin';
import { adaptService, type ServiceImplementation } from '@plugd/protocol/rpc/service';
import { type AdminClient, type AdminOptions, connectAdmin } from '../../../host/src/admin/admin-client';

type Implementation = ServiceImplementation<typeof AdminDefinition>;

/** A socket of its own, on which servers of the admin API stand one after the other, with as much as a test needs. */
export class AdminPlace {
  readonly #directory = mkdtempSync(join(tmpdir(), 'admin-'));
  readonly #servers: Server[] = [];
  readonly #clients: AdminClient[] = [];

  get socket(): string {
    return join(this.#directory, 's');
  }

  /** A daemon that does these, refuses all else, and doesn't know those of `lacks`. */
  async serve(
    methods: Partial<Implementation>,
    lacks: readonly (keyof Implementation)[] = [],
  ): Promise<Server> {
    const refused = Object.keys(AdminDefinition.methods).map((key) => [
      key,
      () => {
        throw new Error(`${key} is not part of this test`);
      },
    ]);
    const all: Implementation = {
      ...(Object.fromEntries(refused) as Implementation),
      getDaemon: () => ({ version: '0.1.0', pid: 1, socket: this.socket }),
      ...methods,
    };
    const adapted = adaptService(AdminDefinition, all, { draining: new AbortController().signal });
    const known: ServiceDefinition = Object.fromEntries(
      Object.entries(adapted.definition).filter(
        ([name]) => !lacks.some((key) => key.toLowerCase() === name.toLowerCase()),
      ),
    );
    const server = new Server();
    server.addService(known, adapted.handlers);
    rmSync(this.socket, { force: true });
    await new Promise<void>((resolve, reject) => {
      server.bindAsync(`unix:${this.socket}`, ServerCredentials.createInsecure(), (error) =>
        error === null ? resolve() : reject(error),
      );
    });
    this.#servers.push(server);
    return server;
  }

  async connect(options: AdminOptions = {}): Promise<AdminClient> {
    const client = await connectAdmin(this.socket, options);
    this.#clients.push(client);
    return client;
  }

  close(): void {
    for (const client of this.#clients) client.close();
    for (const server of this.#servers) server.forceShutdown();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

/** What a promise is rejected with. */
export async function failureOf(work: PromiseLike<unknown>): Promise<unknown> {
  return work.then(
    (value) => `it did not fail: ${JSON.stringify(value)}`,
    (error: unknown) => error,
  );
}
