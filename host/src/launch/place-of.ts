import { realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { parseTcpAddress } from '@plugd/protocol/grpc-address';
import type { HandshakeLine } from '@plugd/protocol/handshake-line';

/** Where an address leads, the same text however the address is spelled. */
export function placeOf({ network, address }: Pick<HandshakeLine, 'network' | 'address'>): string {
  if (network === 'unix') return canonicalPath(address);
  const { host, port } = parseTcpAddress(address);
  const plain = host.toLowerCase().replace(/^::ffff:(?=\d+\.)/, '');
  return `tcp ${plain === 'localhost' ? '127.0.0.1' : plain}:${port}`;
}

function canonicalPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    // The socket is not there; its directory may be.
  }
  try {
    return join(realpathSync(dirname(path)), basename(path));
  } catch {
    return path;
  }
}
