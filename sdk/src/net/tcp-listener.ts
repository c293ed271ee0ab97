import type { Server, Socket } from 'node:net';
import { PLUGIN_MAX_PORT, PLUGIN_MIN_PORT } from '@plugd/protocol/environment';
import { PluginError } from '@plugd/protocol/plugin-error';
import { type Listener, listening, systemCode } from './listener';

const HOST = '127.0.0.1';

/**
 * Listens on the first free port of the host's range, or on one that the system chooses where no range is set.
 * @throws PluginError LISTEN_FAILED
 */
export async function listenOnTcp(
  env: NodeJS.ProcessEnv,
  onConnection: (connection: Socket) => void,
): Promise<Listener> {
  const min = portOf(env, PLUGIN_MIN_PORT);
  const max = portOf(env, PLUGIN_MAX_PORT);
  if (min > max) {
    throw failed(`${PLUGIN_MIN_PORT} value of ${min} is greater than ${PLUGIN_MAX_PORT} value of ${max}.`);
  }
  for (let port = min; port <= max; port++) {
    const server = await attempt(port, onConnection);
    if (server === undefined) continue;
    return { network: 'tcp', address: `${HOST}:${boundPort(server)}`, close: () => server.close() };
  }
  throw failed(`Couldn't bind plugin TCP listener: no port from ${min} to ${max} is free.`);
}

async function attempt(
  port: number,
  onConnection: (connection: Socket) => void,
): Promise<Server | undefined> {
  try {
    return await listening({ host: HOST, port }, onConnection);
  } catch (error) {
    const code = systemCode(error);
    if (code === 'EADDRINUSE' || code === 'EACCES') return undefined;
    throw failed("Couldn't bind plugin TCP listener.", error);
  }
}

function boundPort(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw failed('The listener has no port.');
  return address.port;
}

/** An unset variable is 0: the system chooses. */
function portOf(env: NodeJS.ProcessEnv, name: string): number {
  const text = env[name] ?? '';
  if (text === '') return 0;
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port <= 65_535) return port;
  throw failed(`Couldn't get value from ${name}: "${text}" is no port.`);
}

function failed(summary: string, cause?: unknown): PluginError {
  return new PluginError('LISTEN_FAILED', summary, cause === undefined ? {} : { cause });
}
