import { randomInt } from 'node:crypto';
import { chmodSync, chownSync, unlinkSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PLUGIN_UNIX_SOCKET_DIR, PLUGIN_UNIX_SOCKET_GROUP } from '@plugd/protocol/environment';
import { PluginError } from '@plugd/protocol/plugin-error';
import { type Listener, listening, systemCode } from './listener';
import { groupId } from './socket-group';

/** The system's own limits, without the zero byte at the end. Node would cut a longer path without a word. */
const PATH_LIMIT_BYTES = process.platform === 'darwin' ? 103 : 107;
const ATTEMPTS = 100;

/**
 * Listens on a fresh socket `plugin<digits>` in the host's directory, or in the temporary one, and gives it
 * to the host's group if there is one.
 * @throws PluginError SOCKET_PATH_TOO_LONG, SOCKET_GROUP_UNKNOWN, LISTEN_FAILED
 */
export async function listenOnUnix(
  env: NodeJS.ProcessEnv,
  onConnection: (connection: Socket) => void,
): Promise<Listener> {
  const prepare = socketPreparation(env);
  const directory = socketDirectory(env);
  for (let attempt = 1; ; attempt++) {
    const path = join(directory, `plugin${randomInt(2 ** 32)}`);
    checkLength(path);
    try {
      const server = await listening({ path }, onConnection);
      remember(path);
      let open = true;
      const close = (): void => {
        if (!open) return;
        open = false;
        server.close();
        forget(path);
      };
      try {
        prepare?.(path);
      } catch (error) {
        close();
        throw error;
      }
      return { network: 'unix', address: path, close };
    } catch (cause) {
      if (systemCode(cause) === 'EADDRINUSE' && attempt < ATTEMPTS) continue;
      throw new PluginError('LISTEN_FAILED', `The plugin can't listen in ${directory}.`, {
        facts: { directory, reason: systemCode(cause) },
        hint: 'See that PLUGIN_UNIX_SOCKET_DIR or TMPDIR names a directory that the plugin may write to.',
        cause,
      });
    }
  }
}

function checkLength(path: string): void {
  const bytes = Buffer.byteLength(path);
  if (bytes > PATH_LIMIT_BYTES) {
    throw new PluginError('SOCKET_PATH_TOO_LONG', `The socket path ${path} has ${bytes} bytes.`, {
      facts: { path, bytes, limit: PATH_LIMIT_BYTES },
    });
  }
}

/** Where the host wants the plugin's sockets. */
export function socketDirectory(env: NodeJS.ProcessEnv): string {
  return env[PLUGIN_UNIX_SOCKET_DIR] || tmpdir();
}

/**
 * Gives a socket to the host's group; undefined where it names none.
 * @throws PluginError SOCKET_GROUP_UNKNOWN
 */
export function socketPreparation(env: NodeJS.ProcessEnv): ((path: string) => void) | undefined {
  const group = env[PLUGIN_UNIX_SOCKET_GROUP] ?? '';
  if (group === '') return undefined;
  const gid = groupId(group);
  return (path) => {
    chownSync(path, -1, gid);
    chmodSync(path, 0o660);
  };
}

const sockets = new Set<string>();

/** A process that exits does not close its servers, and so would leave their sockets. */
function remember(path: string): void {
  if (sockets.size === 0) process.on('exit', forgetAll);
  sockets.add(path);
}

function forget(path: string): void {
  sockets.delete(path);
  if (sockets.size === 0) process.off('exit', forgetAll);
  unlinkIfThere(path);
}

function forgetAll(): void {
  for (const path of sockets) unlinkIfThere(path);
}

function unlinkIfThere(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // The host has removed it already, or its directory.
  }
}
