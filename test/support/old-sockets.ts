import { once } from 'node:events';
import { createServer, type Server } from 'node:net';

/** File systems' clocks are coarse: a host allows for two seconds. */
const agedMs = 2_200;

/** Sockets that somebody else listens on. To be opened before the first test of a file: they get old meanwhile. */
export class OldSockets {
  readonly #opened = performance.now();

  private constructor(readonly servers: readonly Server[]) {}

  static async listen(paths: readonly string[]): Promise<OldSockets> {
    const servers = paths.map((path) =>
      createServer((socket) => socket.on('error', () => {}).destroy()).listen(path),
    );
    await Promise.all(servers.map((server) => once(server, 'listening')));
    return new OldSockets(servers);
  }

  /** Resolves when they are older than any plugin that is started from then on. */
  async old(): Promise<void> {
    const leftMs = this.#opened + agedMs - performance.now();
    if (leftMs > 0) await new Promise((resolve) => setTimeout(resolve, leftMs));
  }

  async close(): Promise<void> {
    await Promise.all(this.servers.map((server) => new Promise((resolve) => server.close(resolve))));
  }
}
