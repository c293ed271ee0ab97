import type { Readable } from 'node:stream';
import type { IncomingCall } from './service-call';

/**
 * The requests of a streaming call. Takes no more from the wire than is asked for, beyond the stream's own
 * small buffer. Unlike the stream's own iterator it leaves the stream alone when the reader stops early, for
 * on a stream in both directions the answers still have to go out.
 *
 * @throws RpcError when the caller leaves before the end.
 */
export async function* requestMessages(
  stream: Readable,
  call: IncomingCall,
): AsyncGenerator<unknown, void, undefined> {
  let wake = (): void => {};
  const notify = (): void => wake();
  stream.on('readable', notify).on('end', notify).on('close', notify);
  call.whenCancelled(notify);
  for (;;) {
    if (call.cancelled !== undefined) throw call.cancelled;
    const message: unknown = stream.read();
    if (message !== null) yield message;
    else if (stream.readableEnded || stream.destroyed) return;
    else {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  }
}
