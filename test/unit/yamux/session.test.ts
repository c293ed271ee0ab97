import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import * as http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import * as tls from 'node:tls';
import { createCertificate } from '@plugd/protocol/certificate';
import { until } from '../rpc/local-kv';
import { cleanUp, closing, echo, nextStream, readAll, sessionPair } from './pair';

afterEach(cleanUp);

test('streams opened by either side carry any number of bytes both ways', async () => {
  const { client, server } = await sessionPair();
  echo(client);
  echo(server);
  const sizes = [0, 1, 11, 12, 65_536, 262_143, 262_144, 262_145, 3_000_000];
  await Promise.all(
    [client, server].flatMap((session) =>
      sizes.map(async (size) => {
        const bytes = randomBytes(size);
        const stream = session.open();
        stream.end(bytes);
        expect((await readAll(stream)).equals(bytes)).toBe(true);
      }),
    ),
  );
  await until(() => client.streamCount === 0 && server.streamCount === 0, 'both sides forget the streams');
});

test('the client counts in odd numbers, the server in even ones', async () => {
  const { client, server } = await sessionPair();
  expect([client.open().id, client.open().id]).toEqual([1, 3]);
  expect([server.open().id, server.open().id]).toEqual([2, 4]);
});

test('many small writes arrive whole and in order', async () => {
  const { client, server } = await sessionPair();
  const stream = client.open();
  const taken = nextStream(server).then(readAll);
  const parts = Array.from({ length: 5000 }, (_, index) => Buffer.from(`${index},`));
  for (const part of parts) stream.write(part);
  stream.end();
  expect((await taken).equals(Buffer.concat(parts))).toBe(true);
});

test('a reader that pauses holds its writer up at the window, and nobody else', async () => {
  const { client, server } = await sessionPair();
  const slow = client.open();
  const far = await nextStream(server);
  let sent = 0;
  const chunk = Buffer.alloc(16 * 1024, 1);
  const pump = (): void => {
    while (sent < 2 ** 22 && slow.write(chunk)) sent += chunk.length;
    if (sent < 2 ** 22) slow.once('drain', pump);
    else slow.end();
  };
  pump();
  const other = client.open();
  const answer = nextStream(server).then((stream) => stream.pipe(stream));
  other.end('hello');
  expect((await readAll(other)).toString()).toBe('hello');
  await answer;
  // Beside the window, only what the two ends buffer for themselves.
  expect(sent).toBeLessThan(512 * 1024);
  expect((await readAll(far)).length).toBeGreaterThanOrEqual(2 ** 22);
});

test('a reader that takes its time byte by byte gets everything', async () => {
  const { client, server } = await sessionPair();
  const stream = client.open();
  const far = await nextStream(server);
  const bytes = randomBytes(700_000);
  stream.end(bytes);
  const parts: Buffer[] = [];
  for (let left = bytes.length; left > 0; ) {
    const part: Buffer | null = far.read(Math.min(left, 9_999));
    if (part === null) await new Promise(setImmediate);
    else {
      parts.push(part);
      left -= part.length;
    }
  }
  expect(Buffer.concat(parts).equals(bytes)).toBe(true);
});

test('one side may end while the other goes on', async () => {
  const { client, server } = await sessionPair();
  const near = client.open();
  const far = await nextStream(server);
  near.end('question');
  expect((await readAll(far)).toString()).toBe('question');
  expect(near.destroyed).toBe(false);
  far.end('answer');
  expect((await readAll(near)).toString()).toBe('answer');
});

test('what was written before an end arrives although the writer is destroyed at once', async () => {
  const { client, server } = await sessionPair();
  const near = client.open();
  const far = await nextStream(server);
  near.end('last words', () => near.destroy());
  expect((await readAll(far)).toString()).toBe('last words');
  far.end();
  await until(() => client.streamCount + server.streamCount === 0, 'the stream is over on both sides');
});

test('a destroyed stream is reset at the other end, without harm to the session', async () => {
  const { client, server } = await sessionPair();
  const near = client.open();
  const far = await nextStream(server);
  near.destroy();
  const [error] = await once(far, 'error');
  expect(error).toMatchObject({ code: 'ECONNRESET' });
  expect(await client.ping()).toBeGreaterThan(0);
});

test('an error that nobody listens for does not end the process', async () => {
  const { client, server } = await sessionPair();
  const near = client.open();
  const far = await nextStream(server);
  far.destroy();
  await closing(near);
  expect(near.errored).toMatchObject({ code: 'ECONNRESET' });
});

test('the end of the connection ends all streams with its reason', async () => {
  const { client, server, far } = await sessionPair();
  const streams = [client.open(), client.open()];
  await nextStream(server);
  far.destroy();
  expect(await client.closed).toMatchObject({ code: 'MULTIPLEX_CLOSED' });
  for (const stream of streams) expect(stream.errored).toMatchObject({ code: 'MULTIPLEX_CLOSED' });
  expect(() => client.open()).toThrow(expect.objectContaining({ code: 'MULTIPLEX_CLOSED' }));
  await expect(client.ping()).rejects.toMatchObject({ code: 'MULTIPLEX_CLOSED' });
});

test('a closed session says goodbye and closes its connection', async () => {
  const { client, server, near, far } = await sessionPair();
  const stream = client.open();
  client.close();
  expect(stream.errored).toMatchObject({ code: 'MULTIPLEX_CLOSED' });
  await server.closed;
  await until(() => near.destroyed && far.destroyed, 'both ends of the connection are closed');
});

test('after a go-away what is open goes on, and nothing new is opened', async () => {
  const { client, server } = await sessionPair();
  const near = client.open();
  const far = await nextStream(server);
  server.goAway();
  await server.ping();
  expect(() => client.open()).toThrow(expect.objectContaining({ code: 'MULTIPLEX_CLOSED' }));
  far.pipe(far);
  near.end('still there');
  expect((await readAll(near)).toString()).toBe('still there');
});

test('streams that nobody takes wait up to the backlog, and no more', async () => {
  const { client, server } = await sessionPair({ acceptBacklog: 3 });
  const streams = Array.from({ length: 5 }, () => client.open());
  await client.ping();
  // The client knows the limit too, and keeps the rest back.
  expect(server.streamCount).toBe(3);
  echo(server);
  for (const [index, stream] of streams.entries()) stream.end(`${index}`);
  expect((await Promise.all(streams.map(readAll))).map(String)).toEqual(['0', '1', '2', '3', '4']);
});

test('a stream that waits for its turn may be ended and destroyed meanwhile', async () => {
  const { client, server } = await sessionPair({ acceptBacklog: 1 });
  const [first, empty, ended, given] = [client.open(), client.open(), client.open(), client.open()];
  empty.end(Buffer.alloc(0));
  ended.end();
  given.destroy();
  echo(server);
  for (const stream of [first, empty, ended]) {
    stream.end();
    expect((await readAll(stream)).length).toBe(0);
  }
  await until(() => client.streamCount + server.streamCount === 0, 'all are over');
  expect(server.reason).toBeUndefined();
});

test('a peer that leaves a new stream without an answer ends the session', async () => {
  const { client } = await sessionPair({ openTimeoutMs: 30 });
  client.open();
  expect(await client.closed).toMatchObject({ code: 'MULTIPLEX_TIMEOUT' });
});

test('a peer that answers no ping ends the session', async () => {
  const { client, far } = await sessionPair({ keepAliveIntervalMs: 20, writeTimeoutMs: 40 });
  far.pause();
  expect(await client.closed).toMatchObject({ code: 'MULTIPLEX_TIMEOUT' });
});

test('a peer that reads nothing more ends the session', async () => {
  const { client, server, far } = await sessionPair({ keepAliveIntervalMs: 0, writeTimeoutMs: 50 });
  server.onStream(() => {});
  const streams = Array.from({ length: 40 }, () => client.open());
  await client.ping();
  far.pause();
  for (const stream of streams) stream.write(Buffer.alloc(256 * 1024));
  expect(await client.closed).toMatchObject({ code: 'MULTIPLEX_TIMEOUT' });
});

test('a keep-alive that is answered keeps the session', async () => {
  const { client, server } = await sessionPair({ keepAliveIntervalMs: 5, writeTimeoutMs: 5000 });
  await sleep(60);
  expect(client.reason).toBeUndefined();
  expect(server.reason).toBeUndefined();
});

test('a stream whose peer never ends its side is reset at the limit', async () => {
  const { client, server } = await sessionPair({ closeTimeoutMs: 30 });
  const near = client.open();
  const far = await nextStream(server);
  near.end();
  await Promise.all([closing(near), closing(far)]);
  expect(client.streamCount + server.streamCount).toBe(0);
});

test('http2 speaks over a stream, with TLS inside too', async () => {
  const own = createCertificate({ curve: 'P-256' });
  const { client, server } = await sessionPair();
  const plain = http2.createServer((_request, response) => response.end('plain'));
  const secure = http2.createSecureServer(
    { key: own.keyPem, cert: own.certificatePem },
    (_request, response) => response.end('secure'),
  );
  server.onStream((stream) => {
    (stream.id === 1 ? plain : secure).emit('connection', stream);
  });
  const first = client.open();
  const second = client.open();
  const sessions = [
    http2.connect('http://localhost', { createConnection: () => first }),
    http2.connect('https://localhost', {
      createConnection: () =>
        tls.connect({
          socket: second,
          ca: own.certificatePem,
          servername: 'localhost',
          ALPNProtocols: ['h2'],
        }),
    }),
  ];
  const texts = await Promise.all(
    sessions.map(async (session) => {
      const text = String(await readAll(session.request({ ':path': '/' })));
      session.close();
      return text;
    }),
  );
  expect(texts).toEqual(['plain', 'secure']);
  await until(() => client.streamCount + server.streamCount === 0, 'closed sessions leave no stream');
  const address: AddressInfo | string | null = plain.address();
  expect(address).toBeNull();
});
