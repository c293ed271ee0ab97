import { connect, type Socket } from 'node:net';
import { type Network, parseTcpAddress } from './grpc-address';

/**
 * A connection to an address of the wire. An error that comes later and that nobody listens for is swallowed: it is the
 * other side's doing.
 *
 * @throws PluginError ADDRESS_INVALID for a TCP address that is none; Node's own error for an address that nobody
 * answers at, or that does not within the limit.
 */
export async function connectSocket(
  { network, address }: { readonly network: Network; readonly address: string },
  limitMs: number,
): Promise<Socket> {
  const socket = network === 'unix' ? connect(address) : connect(parseTcpAddress(address));
  return new Promise((resolve, reject) => {
    const limit = setTimeout(
      () => socket.destroy(new Error(`no connection within ${limitMs} ms`)),
      limitMs,
    ).unref();
    socket.on('error', (error) => {
      clearTimeout(limit);
      reject(error);
    });
    socket.once('connect', () => {
      clearTimeout(limit);
      socket.setNoDelay(true);
      resolve(socket);
    });
  });
}
