import { createServer as createSocketServer, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { Server, ServerCredentials } from '@grpc/grpc-js';

// Sockets that the plugin keeps in its own hands, to write among what the server writes, or to cut them. Under TLS the
// host gets the same bytes as a broken record.

const sockets = new Set<Socket>();

/** Serves every connection to the path, and keeps its socket. */
export function bindHeld(server: Server, path: string, credentials: ServerCredentials): Promise<number> {
  const injector = server.createConnectionInjector(credentials);
  const listener = createSocketServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    // Not the socket itself: HTTP/2 would take its handle, and Node ends a process where others write to that too.
    injector.injectConnection(Duplex.from({ readable: socket, writable: socket }).on('error', () => {}));
  });
  return new Promise((resolve, reject) => {
    listener.once('error', reject);
    listener.listen(path, () => resolve(0));
  });
}

/** HTTP/2's numbers of the types of frames. */
const [DATA, HEADERS, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION] = [
  0, 1, 3, 4, 5, 6, 7, 8, 9,
];
/** A stream that nobody has opened, or will. */
const NO_STREAM = 0x7ffffff1;
/** In floods: some MiB. */
const MANY = 200_000;

function frame(type: number, stream: number, payload: Buffer, { flags = 0, length = payload.length } = {}) {
  const head = Buffer.alloc(9);
  head.writeUIntBE(length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

const repeated = (one: Buffer, times: number): Buffer => Buffer.alloc(one.length * times, one);

/** What the host reads behind a whole frame of the server's. */
const garbage: Record<string, () => Buffer> = {
  rubbish: () => Buffer.from(Array.from({ length: 65_536 }, (_, i) => (i * 167 + 13) % 256)),
  'unknown-type': () => repeated(frame(0xfe, 0, Buffer.alloc(100, 'x')), 1000),
  'too-long': () => frame(DATA, 1, Buffer.alloc(1000), { length: 0xff_ffff }),
  'no-such-stream': () => frame(DATA, NO_STREAM, Buffer.alloc(100)),
  'bad-headers': () => frame(HEADERS, 1, Buffer.alloc(100, 0xff), { flags: 4 }),
  'headers-without-end': () =>
    Buffer.concat([
      frame(HEADERS, 1, Buffer.alloc(0)),
      repeated(frame(CONTINUATION, 1, Buffer.alloc(16_000, 0x40)), 1000),
    ]),
  'reset-no-stream': () => repeated(frame(RST_STREAM, NO_STREAM, Buffer.alloc(4)), 10),
  'bad-settings': () => frame(SETTINGS, 0, Buffer.alloc(5)),
  'many-settings': () => repeated(frame(SETTINGS, 0, Buffer.from([0, 4, 0, 1, 0, 0])), MANY),
  push: () => frame(PUSH_PROMISE, 1, Buffer.from([0, 0, 0, 2]), { flags: 4 }),
  'many-pings': () => repeated(frame(PING, 0, Buffer.alloc(8)), MANY),
  goaway: () => frame(GOAWAY, 0, Buffer.alloc(8)),
  'no-window': () => frame(WINDOW_UPDATE, 0, Buffer.alloc(4)),
  'huge-window': () => repeated(frame(WINDOW_UPDATE, 0, Buffer.from([0x7f, 0xff, 0xff, 0xff])), 2),
};

export function writeGarbage(kind: string): void {
  const bytes = garbage[kind]?.();
  if (bytes === undefined) throw new Error(`there is no garbage called ${kind}`);
  for (const socket of sockets) socket.write(bytes);
}

export function cutConnections(): void {
  for (const socket of sockets) socket.destroy();
}
