import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Where a plugin without a process can be reached, by this process and its user alone. */
export interface PrivateListener {
  readonly network: 'unix' | 'tcp';
  /** Socket path, or `host:port`. */
  readonly address: string;
  /** Takes no more connections and removes the socket. Those that are there go on. May be called again. */
  close(): void;
  /** {@link close}, and the connections break at once, as when a process dies. */
  breakOff(): void;
}

/**
 * Listens on a socket in a directory of its own, on a free TCP port of 127.0.0.1 on Windows. For tests: what speaks
 * over it is real gRPC.
 */
export async function listenPrivately(onConnection: (connection: Socket) => void): Promise<PrivateListener> {
  const connections = new Set<Socket>();
  const server = createServer((connection) => {
    connections.add(connection);
    connection.once('close', () => connections.delete(connection));
    onConnection(connection);
  });
  const directory = process.platform === 'win32' ? undefined : mkdtempSync(join(tmpdir(), 'plugd-test-'));
  const close = (): void => {
    server.close();
    if (directory !== undefined) rmSync(directory, { recursive: true, force: true });
  };
  try {
    const path = directory === undefined ? undefined : join(directory, 'plugin');
    await listening(server, path === undefined ? { host: '127.0.0.1', port: 0 } : { path });
    return {
      network: path === undefined ? 'tcp' : 'unix',
      address: path ?? tcpAddress(server),
      close,
      breakOff: () => {
        close();
        for (const connection of connections) connection.destroy();
      },
    };
  } catch (error) {
    close();
    throw error;
  }
}

function listening(server: Server, target: { path: string } | { host: string; port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(target, resolve);
  });
}

function tcpAddress(server: Server): string {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The listener has no port.');
  return `${address.address}:${address.port}`;
}
