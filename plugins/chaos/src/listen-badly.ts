import { createServer, type Socket } from 'node:net';
import type { Behaviour } from './behaviour';

type Badly = Exclude<Behaviour['server'], 'grpc' | object>;

const conduct: Record<Exclude<Badly, 'nobody'>, (socket: Socket) => void> = {
  silence: (socket) => socket.resume(),
  rubbish: (socket) => socket.resume().end('HTTP/1.1 400 Bad Request\r\n\r\n'),
  'hangs up': (socket) => socket.destroy(),
};

/** Something on the path that is no gRPC server; nothing at all for `nobody`. */
export async function listenBadly(kind: Badly, path: string): Promise<void> {
  if (kind === 'nobody') return;
  const server = createServer((socket) => {
    socket.on('error', () => {});
    conduct[kind](socket);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
}
