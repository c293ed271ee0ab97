import { lstatSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, isAbsolute, normalize } from 'node:path';
import type { ConnInfo } from '../gen/plugin/grpc_broker';
import { isLoopback, type Network, parseTcpAddress } from '../grpc-address';
import type { PluginError } from '../plugin-error';
import { printable } from '../printable';
import { brokerError } from './broker-error';

export interface PeerAddress {
  readonly network: Network;
  readonly address: string;
}

/** Shorter than what any system takes. */
const MAX_PATH_BYTES = 103;

/**
 * Where a server of the other side is, if it is a place that this side connects to: on this machine, and for unix
 * sockets directly in the given directory, or, for plugins that know no PLUGIN_UNIX_SOCKET_DIR, as `plugin…` directly in
 * the temp dir.
 *
 * @param directory undefined where the other side may be anywhere: a plugin trusts the host that has started it
 * @throws PluginError BROKER_ADDRESS_REFUSED
 */
export function checkPeerAddress(info: ConnInfo, directory: string | undefined): PeerAddress {
  const { network, address } = info;
  if (network === 'tcp') return checkTcp(info);
  if (network !== 'unix') throw refused(info, 'its network is neither unix nor tcp');
  if (process.platform === 'win32') throw refused(info, 'unix sockets can not be reached on this system');
  if (!isAbsolute(address) || normalize(address) !== address || address.includes('\0')) {
    throw refused(info, 'it is no absolute path in its plainest form');
  }
  if (Buffer.byteLength(address) > MAX_PATH_BYTES) throw refused(info, 'the path is too long for a socket');
  if (directory !== undefined && !isAllowed(address, directory)) {
    throw refused(info, "it is outside the instance's directory");
  }
  return { network, address };
}

function checkTcp(info: ConnInfo): PeerAddress {
  let host: string;
  try {
    host = parseTcpAddress(info.address).host;
  } catch (cause) {
    throw refused(info, 'it is no TCP address', cause);
  }
  if (!isLoopback(host)) throw refused(info, 'it is not on this machine');
  return { network: 'tcp', address: info.address };
}

function isAllowed(address: string, directory: string): boolean {
  try {
    // Through links: a path may only seem to be inside.
    const parent = realpathSync(dirname(address));
    if (lstatSync(address, { throwIfNoEntry: false })?.isSymbolicLink()) return false;
    if (parent === realpathSync(directory)) return true;
    return parent === realpathSync(tmpdir()) && /^plugin[\w.-]*$/.test(basename(address));
  } catch {
    return false;
  }
}

function refused(info: ConnInfo, why: string, cause?: unknown): PluginError {
  const network = printable(info.network.slice(0, 200));
  const address = printable(info.address.slice(0, 200));
  return brokerError(
    'BROKER_ADDRESS_REFUSED',
    `The other side announced its server for id ${info.serviceId} at ${network} "${address}": ${why}.`,
    { serviceId: info.serviceId, network, address },
    cause,
  );
}
