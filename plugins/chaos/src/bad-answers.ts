import { createSecureServer, createServer, type Http2Session, type ServerHttp2Stream } from 'node:http2';
import { gzipSync } from 'node:zlib';

// A server that keeps to HTTP/2 and not to gRPC, which no library would serve: health is good, every call is answered
// with garbage in one place.

/** Bytes, not protobuf: every field number and wire type is wrong. */
const RUBBISH = Buffer.alloc(100, 0xff);
const GRPC = { ':status': 200, 'content-type': 'application/grpc' };
const SERVING = Buffer.from([0, 0, 0, 0, 2, 8, 1]);
const BOMB_BYTES = 64 * 1024 * 1024;

/** A message in gRPC's framing; `length` is what the frame says of it. */
function message(data: Buffer, { flag = 0, length = data.length } = {}): Buffer {
  const head = Buffer.alloc(5);
  head[0] = flag;
  head.writeUInt32BE(length, 1);
  return Buffer.concat([head, data]);
}

/** Answers with these messages, and with these trailers behind them. */
function answer(
  stream: ServerHttp2Stream,
  body: Buffer,
  trailers: Record<string, string> = { 'grpc-status': '0' },
  headers: Record<string, string | number> = {},
): void {
  stream.respond({ ...GRPC, ...headers }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers(trailers));
  stream.end(body);
}

const EMPTY = message(Buffer.alloc(0));

/** What is wrong with the answer to a call. */
export const badAnswers = {
  'not-grpc': (stream) => {
    stream.respond({ ':status': 200, 'content-type': 'text/html' });
    stream.end('<html>hello</html>');
  },
  'http-status': (stream) => stream.respond({ ':status': 500 }, { endStream: true }),
  'no-status': (stream) => answer(stream, EMPTY, { 'x-nothing': '1' }),
  'status-no-number': (stream) => answer(stream, EMPTY, { 'grpc-status': 'fine' }),
  'status-unknown': (stream) => answer(stream, EMPTY, { 'grpc-status': '99' }),
  'message-escapes': (stream) =>
    answer(stream, Buffer.alloc(0), { 'grpc-status': '13', 'grpc-message': '%ZZ%%C3%28%' }),
  'odd-metadata': (stream) => answer(stream, EMPTY, { 'grpc-status': '0', 'x-bin': '*not base64*' }),
  'no-protobuf': (stream) => answer(stream, message(RUBBISH)),
  'no-message': (stream) => answer(stream, Buffer.alloc(0)),
  'two-messages': (stream) => answer(stream, Buffer.concat([EMPTY, EMPTY])),
  'odd-flag': (stream) => answer(stream, message(RUBBISH, { flag: 0xff })),
  compressed: (stream) => answer(stream, message(RUBBISH, { flag: 1 })),
  'bad-gzip': (stream) =>
    answer(stream, message(RUBBISH, { flag: 1 }), { 'grpc-status': '0' }, { 'grpc-encoding': 'gzip' }),
  'gzip-bomb': (stream) => {
    const bomb = message(gzipSync(Buffer.alloc(BOMB_BYTES)), { flag: 1 });
    answer(stream, bomb, { 'grpc-status': '0' }, { 'grpc-encoding': 'gzip' });
  },
  'cut-off': (stream) => answer(stream, message(RUBBISH, { length: 1000 })),
  // One byte less than gRPC's framing can say at most.
  'too-long': (stream) => {
    stream.respond(GRPC);
    stream.write(message(RUBBISH, { length: 0xffff_fffe }));
  },
  'huge-headers': (stream) => answer(stream, EMPTY, undefined, { 'x-huge': 'x'.repeat(200_000) }),
  'many-trailers': (stream) => {
    const trailers: Record<string, string> = { 'grpc-status': '0' };
    for (let i = 0; i < 5000; i++) trailers[`x-${i}`] = 'x';
    answer(stream, EMPTY, trailers);
  },
  reset: (stream) => stream.close(11),
  'ends-connection': (stream) => stream.session?.destroy(),
} satisfies Record<string, (stream: ServerHttp2Stream) => void>;

export type BadAnswer = keyof typeof badAnswers;

export const isBadAnswer = (text: string): text is BadAnswer => Object.hasOwn(badAnswers, text);

export interface Tls {
  readonly hostPem: string;
  readonly keyPem: string;
  readonly certificatePem: string;
}

export function listenWithBadAnswers(kind: BadAnswer, path: string, tls: Tls | undefined): Promise<void> {
  const server = tls === undefined ? createServer() : createSecureServer(secured(tls));
  server.on('session', (session: Http2Session) => session.on('error', () => {}));
  server.on('stream', (stream: ServerHttp2Stream, headers) => {
    stream.on('error', () => {});
    const called = String(headers[':path']);
    if (called === '/grpc.health.v1.Health/Check') answer(stream, SERVING);
    else if (called.startsWith('/samples.')) badAnswers[kind](stream);
    else stream.respond({ ...GRPC, 'grpc-status': '12' }, { endStream: true });
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
}

function secured({ hostPem, keyPem, certificatePem }: Tls) {
  return { ca: hostPem, key: keyPem, cert: certificatePem, requestCert: true, rejectUnauthorized: true };
}
