import { createServer, type Server, type Socket } from 'node:net';

/** Where a plugin can be reached. */
export interface Listener {
  readonly network: 'unix' | 'tcp';
  /** Socket path, or `host:port`. */
  readonly address: string;
  /** Takes no more connections, and removes the socket. Those that are there go on. May be called again. */
  close(): void;
}

/** Resolves with the server once it listens, rejects with what the system said. */
export function listening(
  target: { path: string } | { host: string; port: number },
  onConnection: (connection: Socket) => void,
): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer(onConnection);
    server.once('error', reject);
    server.listen(target, () => {
      server.off('error', reject);
      // To accept may fail for want of file descriptors; the next connection may find some.
      server.on('error', () => {});
      resolve(server);
    });
  });
}

/** The code of a system error, such as EADDRINUSE. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
