import type { Duplex } from 'node:stream';

/** How long the last words may take to leave before the connection is cut. */
const LAST_WORDS_MS = 1000;

/** Closes a connection once what was written to it has left. What still comes in is dropped. */
export function hangUp(connection: Duplex): void {
  // It must be read all the same: else its sender might never see the end.
  connection.resume();
  if (!connection.writable) {
    connection.destroy();
    return;
  }
  const limit = setTimeout(() => connection.destroy(), LAST_WORDS_MS).unref();
  connection.once('close', () => clearTimeout(limit));
  connection.end(() => connection.destroy());
}
