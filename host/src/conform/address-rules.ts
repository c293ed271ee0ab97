import { realpathSync } from 'node:fs';
import { dirname } from 'node:path';
import { DEFAULT_MAX_PORT, DEFAULT_MIN_PORT, PLUGIN_UNIX_SOCKET_DIR } from '@plugd/protocol/environment';
import { parseTcpAddress } from '@plugd/protocol/grpc-address';
import { describeAddress } from './handshake-rules';
import { type Finding, pass, type Rule, warn } from './rule';
import type { Session } from './session';

const section = 'addresses';

/** Where a plugin listens. */
export const addressRules: readonly Rule<Session>[] = [
  {
    id: 'address.place',
    rule: 'The plugin listens where only this machine can reach it.',
    section,
    expected: 'the absolute path of a socket, or a loopback address with a port',
    needs: ['handshake.network'],
    check: describeAddress,
  },
  {
    id: 'address.wish',
    rule: `It listens where the host wished: in ${PLUGIN_UNIX_SOCKET_DIR}, or at a port from PLUGIN_MIN_PORT to PLUGIN_MAX_PORT.`,
    section,
    expected: `a socket in the directory, or a port from ${DEFAULT_MIN_PORT} to ${DEFAULT_MAX_PORT}; recommended`,
    needs: ['address.place'],
    check: (session) => (session.target.network === 'unix' ? directory(session) : port(session)),
  },
];

function directory({ target, probe }: Session): Finding {
  let parent = dirname(target.address);
  try {
    parent = realpathSync(parent);
  } catch {
    // Shown as it is.
  }
  if (parent === realpathSync(probe.directory)) return pass('a socket in the directory');
  return warn(`a socket in ${parent}: hosts that share one directory with the plugin can't reach it`);
}

function port({ target }: Session): Finding {
  const { port: found } = parseTcpAddress(target.address);
  const inRange = found >= DEFAULT_MIN_PORT && found <= DEFAULT_MAX_PORT;
  return inRange ? pass(`port ${found}`) : warn(`port ${found}`);
}
