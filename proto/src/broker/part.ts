import type { Duplex } from 'node:stream';

/** For the other end to notice. It is in this process, and needs no more than a turn of the event loop. */
const NOTICE_MS = 1000;

/**
 * Ends a connection to this process's own TLS or HTTP/2 client so that the client hears of it by reading. Cut at once, its
 * next write might fail before that: Node's TLS never reports another write after one that failed, HTTP/2 waits for that
 * report before it reads on, and so neither sees the end. The calls on it would last until their deadlines.
 */
export function part(connection: Duplex): void {
  if (connection.destroyed) return;
  connection.unpipe();
  connection.resume();
  const limit = setTimeout(() => connection.destroy(), NOTICE_MS).unref();
  connection.once('close', () => clearTimeout(limit));
  connection.end();
}
