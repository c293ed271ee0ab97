import type { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';

/** What a client's HTTP/2 begins with: the preface and an empty SETTINGS frame. */
const PREFACE = Buffer.concat([
  Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]),
]);
const SETTINGS = 4;
const HEADER_BYTES = 9;

export interface Greeting {
  /** Whether the other side answered with HTTP/2, which a server does only for whom it lets in. */
  readonly answered: boolean;
  readonly seen: string;
}

/** Says hello in HTTP/2 and waits for the server's own. Destroys the stream. */
export function greet(stream: Duplex, limitMs: number): Promise<Greeting> {
  return new Promise((resolve) => {
    let bytes = Buffer.alloc(0);
    const finish = (answered: boolean, seen: string): void => {
      clearTimeout(timer);
      stream.destroy();
      resolve({ answered, seen });
    };
    const timer = setTimeout(() => finish(false, `no answer within ${limitMs} ms`), limitMs);
    stream.on('error', (error) => finish(false, `the connection broke: ${wordsOf(error)}`));
    stream.on('close', () => finish(false, 'the connection was closed'));
    stream.on('end', () => finish(false, 'the connection was closed'));
    stream.on('data', (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      if (bytes.length < HEADER_BYTES) return;
      if (bytes[3] === SETTINGS) finish(true, 'an HTTP/2 SETTINGS frame');
      else finish(false, `bytes that are no HTTP/2: ${bytes.subarray(0, 16).toString('hex')}`);
    });
    stream.write(PREFACE);
  });
}

export interface TlsOffer {
  /** Whom the client takes for the server; absent: anyone. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

export interface TlsGreeting extends Greeting {
  /** What the two agreed to speak above TLS. */
  readonly alpn: string | undefined;
}

/** {@link greet} through TLS. A server says only afterwards that it did not like the client's certificate. */
export function greetWithTls(stream: Duplex, offer: TlsOffer, limitMs: number): Promise<TlsGreeting> {
  return new Promise((resolve) => {
    const tls = connectTls({
      socket: stream,
      servername: 'localhost',
      ALPNProtocols: ['h2'],
      minVersion: 'TLSv1.2',
      rejectUnauthorized: offer.ca !== undefined,
      ...offer,
    });
    let done = false;
    const finish = (greeting: Greeting): void => {
      if (done) return;
      done = true;
      clearTimeout(timer);
      const alpn = tls.alpnProtocol || undefined;
      tls.destroy();
      stream.destroy();
      resolve({ ...greeting, alpn });
    };
    const refuse = (seen: string): void => finish({ answered: false, seen });
    const timer = setTimeout(() => refuse(`no TLS within ${limitMs} ms`), limitMs);
    stream.on('error', (error) => refuse(`the connection broke: ${wordsOf(error)}`));
    tls.on('error', (error) => refuse(`TLS failed: ${wordsOf(error)}`));
    tls.on('close', () => refuse('the connection was closed'));
    tls.once('secureConnect', () => {
      clearTimeout(timer);
      void greet(tls, limitMs).then(finish);
    });
  });
}

/** OpenSSL's messages carry addresses and lines of its own source; its reason is what helps. */
function wordsOf(error: Error): string {
  return 'reason' in error && typeof error.reason === 'string' ? error.reason : error.message;
}
