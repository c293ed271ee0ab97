import { connect, createServer } from 'node:net';

const loopback = ['127.0.0.1', '::1'];
/** Loopback answers at once, also with a refusal: who takes longer has a listener that is busy. */
const connectLimitMs = 250;

/**
 * Whether nobody listens on a port of this machine's loopback. A listener on all addresses counts, one on an address of
 * another network does not.
 */
export async function isPortFree(port: number): Promise<boolean> {
  for (const host of loopback) {
    if ((await tryListen(host, port)) === 'taken') return false;
  }
  // Where a port is the privilege of others, or two may listen if one names its address, an answer tells more.
  for (const host of loopback) if (await isAnswered(host, port)) return false;
  return true;
}

function tryListen(host: string, port: number): Promise<'free' | 'taken' | 'unknown'> {
  return new Promise((resolve) => {
    const server = createServer((stranger) => stranger.destroy());
    server.once('error', (error) =>
      resolve('code' in error && error.code === 'EADDRINUSE' ? 'taken' : 'unknown'),
    );
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve('free')));
  });
}

function isAnswered(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (answered: boolean): void => {
      clearTimeout(limit);
      // A connection may meet itself, where its own port is the one that it looks for.
      const itself = socket.localPort === port && socket.remotePort === port;
      socket.destroy();
      resolve(answered && !itself);
    };
    const limit = setTimeout(() => end(true), connectLimitMs);
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
  });
}
