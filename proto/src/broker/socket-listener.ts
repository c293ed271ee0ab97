import { randomInt } from 'node:crypto';
import { existsSync, renameSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { PluginError } from '../plugin-error';
import type { PeerAddress } from './peer-address';
import { rememberSocket, removeSocket } from './socket-files';

export interface SocketListenerOptions {
  /** Where a unix socket is put. Not used on Windows, where it is TCP on the loopback address. */
  readonly directory: string;
  /** Prepares a unix socket before others can see it: owner, mode. */
  readonly prepare?: ((path: string) => void) | undefined;
  /** How many connections may be there at a time; what comes beyond is cut off. Default: any number. */
  readonly maxConnections?: number;
  /** Hears of each that was cut off for that. */
  readonly onRefused?: () => void;
}

/** A place of this side's that connections come in at. */
export interface SocketListener extends PeerAddress {
  /** Takes no more connections and removes the socket. Those that are there go on. */
  close(): void;
  /** {@link close}, and the connections are cut. */
  breakOff(): void;
}

/** The systems' own limits, without the zero byte at the end. Node would cut a longer path without a word. */
const PATH_LIMIT_BYTES = process.platform === 'darwin' ? 103 : 107;

/** @throws PluginError SOCKET_PATH_TOO_LONG, LISTEN_FAILED */
export async function listenOnSocket(
  options: SocketListenerOptions,
  onConnection: (connection: Socket) => void,
): Promise<SocketListener> {
  const connections = new Set<Socket>();
  const server = createServer((connection) => {
    connections.add(connection);
    connection.on('error', () => {});
    connection.once('close', () => connections.delete(connection));
    connection.setNoDelay(true);
    onConnection(connection);
  });
  if (options.maxConnections !== undefined) server.maxConnections = options.maxConnections;
  server.on('drop', () => options.onRefused?.());
  const place =
    process.platform === 'win32' ? await listenOnLoopback(server) : await listenInDirectory(server, options);
  let open = true;
  const close = (): void => {
    if (!open) return;
    open = false;
    server.close();
    if (place.network === 'unix') removeSocket(place.address);
  };
  return {
    ...place,
    close,
    breakOff: () => {
      close();
      for (const connection of connections) connection.destroy();
    },
  };
}

async function listenOnLoopback(server: Server): Promise<PeerAddress> {
  await listening(server, { host: '127.0.0.1', port: 0 });
  const address = server.address();
  if (address === null || typeof address === 'string') throw failed('The listener has no port.', undefined);
  return { network: 'tcp', address: `127.0.0.1:${address.port}` };
}

/**
 * A process unlinks the path that it bound when it closes. Bound under a name of its own and then renamed, the
 * public path stays whoever's it is by then.
 */
async function listenInDirectory(server: Server, options: SocketListenerOptions): Promise<PeerAddress> {
  const [own, path] = freeNames(options.directory);
  const bytes = Buffer.byteLength(path);
  if (bytes > PATH_LIMIT_BYTES) {
    throw new PluginError('SOCKET_PATH_TOO_LONG', `The socket path ${path} has ${bytes} bytes.`, {
      facts: { path, bytes, limit: PATH_LIMIT_BYTES },
    });
  }
  await listening(server, { path: own });
  try {
    options.prepare?.(own);
    renameSync(own, path);
  } catch (error) {
    server.close();
    throw failed(`A socket in ${options.directory} could not be prepared.`, error);
  }
  rememberSocket(path);
  return { network: 'unix', address: path };
}

function freeNames(directory: string): [own: string, path: string] {
  for (;;) {
    const number = randomInt(2 ** 32);
    const path = join(directory, `plugin${number}`);
    if (!existsSync(path)) return [join(directory, `.p${number}`), path];
  }
}

function listening(server: Server, target: { path: string } | { host: string; port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) =>
      reject(failed('A listener for brokered connections could not be opened.', cause)),
    );
    server.listen(target, () => {
      server.removeAllListeners('error');
      // To accept may fail for want of file descriptors; the next connection may find some.
      server.on('error', () => {});
      resolve();
    });
  });
}

function failed(summary: string, cause: unknown): PluginError {
  if (cause instanceof PluginError) return cause;
  return new PluginError('LISTEN_FAILED', summary, cause === undefined ? {} : { cause });
}
