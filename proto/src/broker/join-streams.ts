import type { Duplex } from 'node:stream';
import { part } from './part';

/**
 * Each one's bytes go to the other, and the end of one ends the other: half by half, or both halves if it broke.
 * `client` leads to a client in this process.
 */
export function joinStreams(client: Duplex, stream: Duplex): void {
  client.pipe(stream);
  stream.pipe(client);
  for (const one of [client, stream]) one.on('error', () => {});
  client.once('close', () => {
    // After an orderly end the last bytes are still on their way.
    if (client.readableEnded && !client.errored && !stream.writableFinished && !stream.destroyed) {
      stream.once('finish', () => stream.destroy());
    } else {
      stream.destroy();
    }
  });
  stream.once('close', () => part(client));
}
