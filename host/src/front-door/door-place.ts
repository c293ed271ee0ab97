import { chmodSync, linkSync, lstatSync, mkdtempSync, renameSync, rmSync, unlinkSync } from 'node:fs';
import type { Server } from 'node:net';
import { dirname, join } from 'node:path';
import { rememberSocket, removeSocket } from '@plugd/protocol/broker/socket-files';
import { connectSocket } from '@plugd/protocol/connect-socket';
import { PluginError } from '@plugd/protocol/plugin-error';
import { isSystemError, reasonOf, systemFacts } from '../artifact/system-error';

/** Where a front door is: the path of a unix socket, or a port of 127.0.0.1, 0 for a free one. */
export type DoorPlaceOptions = { readonly socket: string } | { readonly port: number };

/** Where it is found. */
export interface DoorPlace {
  readonly network: 'unix' | 'tcp';
  /** A path, or `host:port`. */
  readonly address: string;
  /** Takes the socket away, if it still is this one. */
  remove(): void;
}

/** The systems' own limits, without the zero byte at the end. Node would cut a longer path without a word. */
const pathLimitBytes = process.platform === 'darwin' ? 103 : 107;
/** What the private name adds to the directory: `/.d-XXXXXX/s`. */
const privateNameBytes = 12;
const liveLimitMs = 1_000;

/** @throws PluginError SOCKET_PATH_TOO_LONG, SOCKET_IN_USE, LISTEN_FAILED */
export async function listenAt(server: Server, where: DoorPlaceOptions): Promise<DoorPlace> {
  return 'socket' in where ? listenOnPath(server, where.socket) : listenOnPort(server, where.port);
}

async function listenOnPort(server: Server, port: number): Promise<DoorPlace> {
  await listening(server, { host: '127.0.0.1', port }, `port ${port}`);
  const address = server.address();
  if (address === null || typeof address === 'string') throw failed(`port ${port}`, undefined);
  return { network: 'tcp', address: `127.0.0.1:${address.port}`, remove: () => {} };
}

/**
 * Bound under a private name, in a directory that nobody else can enter, and linked to its public path once it is closed to others:
 * there it is never seen half-made, and of two that want to be there one is.
 */
async function listenOnPath(server: Server, path: string): Promise<DoorPlace> {
  const bytes = Math.max(Buffer.byteLength(path), Buffer.byteLength(dirname(path)) + privateNameBytes);
  if (bytes > pathLimitBytes) {
    throw new PluginError('SOCKET_PATH_TOO_LONG', `The socket path ${path} needs ${bytes} bytes.`, {
      facts: { path, bytes, limit: pathLimitBytes },
      hint: 'Choose a shorter path.',
    });
  }
  await refuseIfAlive(path);
  let directory: string;
  try {
    directory = mkdtempSync(join(dirname(path), '.d-'));
  } catch (cause) {
    throw failed(path, cause);
  }
  const own = join(directory, 's');
  try {
    await listening(server, { path: own }, path);
    chmodSync(own, 0o600);
    const { ino } = lstatSync(own);
    await takePlace(own, path);
    rememberSocket(path);
    return { network: 'unix', address: path, remove: () => removeOwn(path, ino) };
  } catch (error) {
    server.close();
    throw error instanceof PluginError ? error : failed(path, error);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Others may come and go meanwhile. */
const mostTries = 10;

async function takePlace(own: string, path: string): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return linkSync(own, path);
    } catch (error) {
      // A file system without links; what stands there was asked a moment ago.
      if (isSystemError(error, 'EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP')) return renameSync(own, path);
      if (!isSystemError(error, 'EEXIST') || tries === mostTries) throw error;
    }
    const found = lstatSync(path, { throwIfNoEntry: false });
    await refuseIfAlive(path);
    // Somebody else may have taken the dead one's place meanwhile.
    if (found !== undefined && lstatSync(path, { throwIfNoEntry: false })?.ino === found.ino)
      unlinkSync(path);
  }
}

async function refuseIfAlive(path: string): Promise<void> {
  const about = lstatSync(path, { throwIfNoEntry: false });
  if (about === undefined) return;
  const what = about.isSocket() ? await whoAnswers(path) : 'a file that is no socket';
  if (what === undefined) return;
  throw new PluginError('SOCKET_IN_USE', `${path} is taken: there is ${what}.`, { facts: { path } });
}

/** Undefined: nobody does, its owner is dead. */
async function whoAnswers(path: string): Promise<string | undefined> {
  try {
    (await connectSocket({ network: 'unix', address: path }, liveLimitMs)).destroy();
    return 'somebody who listens';
  } catch (error) {
    if (isSystemError(error, 'ECONNREFUSED', 'ENOENT')) return undefined;
    // Not permitted, or too busy to answer: it has an owner.
    return `a socket that can't be asked (${String(error)})`;
  }
}

function removeOwn(path: string, ino: number): void {
  if (lstatSync(path, { throwIfNoEntry: false })?.ino === ino) removeSocket(path);
}

function listening(
  server: Server,
  target: { path: string } | { host: string; port: number },
  what: string,
): Promise<void> {
  return new Promise((resolve, reject) => {
    // Later ones are told to nobody: to accept may fail for want of file descriptors; the next connection may find some.
    server.on('error', (cause) => reject(failed(what, cause)));
    server.listen(target, resolve);
  });
}

function failed(what: string, cause: unknown): PluginError {
  const why = cause === undefined ? '' : `: ${reasonOf(cause)}`;
  return new PluginError('LISTEN_FAILED', `Nothing can listen at ${what}${why}.`, {
    facts: systemFacts(cause),
    ...(cause === undefined ? {} : { cause }),
    hint: 'See to the directory, or choose another place.',
  });
}
