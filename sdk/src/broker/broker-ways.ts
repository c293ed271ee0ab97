import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { BrokerSecurity } from '@plugd/protocol/broker/security';
import type { StreamRouter } from '@plugd/protocol/broker/stream-router';
import { socketDirectory, socketPreparation } from '../net/unix-listener';

/** How brokered connections are made. */
export interface BrokerWays {
  /** For sockets; with a router only this user may enter it. */
  readonly directory: string;
  /** AutoMTLS. Undefined: plaintext. */
  readonly security: BrokerSecurity | undefined;
  /** All connections are streams of its session. Undefined: each has a socket of its own. */
  readonly router: StreamRouter | undefined;
  readonly prepareSocket: ((path: string) => void) | undefined;
}

/** As the host wishes them in the plugin's environment. @throws PluginError SOCKET_GROUP_UNKNOWN */
export function brokerWays(
  env: NodeJS.ProcessEnv,
  security: BrokerSecurity | undefined,
  router: StreamRouter | undefined,
): BrokerWays {
  if (router === undefined) {
    return { directory: socketDirectory(env), security, router, prepareSocket: socketPreparation(env) };
  }
  return { directory: privateDirectory(env), security, router, prepareSocket: undefined };
}

let made: string | undefined;

/** What leads into the shared connection is this process's own business; it goes when the process does. */
function privateDirectory(env: NodeJS.ProcessEnv): string {
  if (made === undefined) {
    const directory = mkdtempSync(join(socketDirectory(env), 'p-'));
    process.on('exit', () => rmSync(directory, { recursive: true, force: true }));
    made = directory;
  }
  return made;
}
