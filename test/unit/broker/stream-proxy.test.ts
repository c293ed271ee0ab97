import { once } from 'node:events';
import { type ClientHttp2Stream, connect as connectHttp2, createSecureServer } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { joinStreams } from '@plugd/protocol/broker/join-streams';
import type { PeerAddress } from '@plugd/protocol/broker/peer-address';
import { StreamProxy } from '@plugd/protocol/broker/stream-proxy';
import { createCertificate } from '@plugd/protocol/certificate';
import { parseTcpAddress } from '@plugd/protocol/grpc-address';
import { closing, readAll, sessionPair, socketPair } from '../yamux/pair';
import { cleanUp, onCleanUp, temporaryDirectory } from './broker-pair';

afterEach(cleanUp);

/** A session, and clients of a proxy whose connections are its streams. */
async function proxied() {
  const pair = await sessionPair();
  const proxy = await StreamProxy.listen(temporaryDirectory(), async () => pair.client.open());
  onCleanUp(() => proxy.breakOff());
  return { ...pair, proxy };
}

function dial({ network, address }: PeerAddress): Socket {
  const socket = network === 'unix' ? connect(address) : connect(parseTcpAddress(address));
  socket.on('error', () => {});
  onCleanUp(() => socket.destroy());
  return socket;
}

/** How a session comes to its end. */
const ends: [string, (pair: Awaited<ReturnType<typeof proxied>>) => void][] = [
  ['is closed', ({ client }) => client.close()],
  ['is closed by the peer', ({ server }) => server.close()],
  ['loses its connection', ({ far }) => far.destroy()],
  ['is closed after its proxy', ({ proxy, client }) => [proxy.breakOff(), client.close()]],
];

describe.each(ends)('a session that %s', (_how, end) => {
  test('ends the connections that lead to it, whatever state they are in', async () => {
    const pair = await proxied();
    const [idle, unread, halfClosed] = [dial(pair.proxy), dial(pair.proxy), dial(pair.proxy)];
    let streams = 0;
    pair.server.onStream((stream) => {
      stream.on('data', (chunk: Buffer) => {
        streams += 1;
        // More than the client, which reads nothing, lets through.
        if (chunk.toString() === 'unread') stream.write(Buffer.alloc(1 << 20));
      });
    });
    unread.pause();
    idle.write('idle');
    unread.write('unread');
    halfClosed.end('half');
    while (streams < 3) await new Promise((resolve) => setImmediate(resolve));
    const closed = [idle, halfClosed].map(closing);
    for (const socket of [idle, halfClosed]) socket.resume();
    end(pair);
    await Promise.all(closed);
    // One that never reads is cut all the same, after a while.
    unread.write('more');
    unread.resume();
    await closing(unread);
  });

  // What Node's TLS and HTTP/2 together make of two writes after the end is in `part`.
  test('ends every stream of a TLS client, also one that still wrote', async () => {
    const pair = await proxied();
    const { certificatePem: cert, keyPem: key } = createCertificate({ curve: 'P-256' });
    const server = createSecureServer({ cert, key });
    server.on('stream', (stream) => {
      stream.on('error', () => {});
      stream.respond();
    });
    pair.server.onStream((stream) => server.emit('connection', stream));
    const session = connectHttp2('https://localhost', {
      createConnection: () =>
        connectTls({ socket: dial(pair.proxy), ca: cert, servername: 'localhost', ALPNProtocols: ['h2'] }),
    });
    session.on('error', () => {});
    onCleanUp(() => session.destroy());
    const requests = await Promise.all(
      Array.from({ length: 4 }, async () => {
        const request = session.request({ ':method': 'POST', ':path': '/' });
        request.on('error', () => {});
        await once(request, 'response');
        return request.resume();
      }),
    );
    const closed = requests.map(closing);
    end(pair);
    // Within the turn of the event loop in which the proxy's side has ended: nothing has been read since.
    await pair.client.closed;
    for (let tick = 0; tick < 5; tick++) await new Promise<void>((resolve) => process.nextTick(resolve));
    for (const request of requests.slice(0, 3) as ClientHttp2Stream[]) request.close(8);
    await Promise.all(closed);
  });
});

test('what was on its way before an orderly end arrives', async () => {
  const [client, near] = await socketPair();
  const [far, server] = await socketPair();
  joinStreams(near, far);
  const sent = Buffer.alloc(3 << 20, 'x');
  server.end(sent);
  let received = 0;
  for await (const chunk of client) received += chunk.length;
  expect(received).toBe(sent.length);
});

test('a client that leaves ends its stream', async () => {
  const { proxy, server } = await proxied();
  const client = dial(proxy);
  const told = new Promise<Buffer>((resolve, reject) => {
    server.onStream((stream) => readAll(stream).then(resolve, reject));
  });
  client.end('farewell');
  expect((await told).toString()).toBe('farewell');
});

test('a connection that gets no stream is ended', async () => {
  const proxy = await StreamProxy.listen(temporaryDirectory(), () => Promise.reject(new Error('none')));
  onCleanUp(() => proxy.breakOff());
  const client = dial(proxy);
  client.resume();
  await closing(client);
});
