import type { Readable } from 'node:stream';
import { setImmediate as immediate } from 'node:timers/promises';
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
    else if (stream.readableEnded || stream.destroyed) {
      await leavingShows(call);
      if (call.cancelled !== undefined) throw call.cancelled;
      return;
    } else {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  }
}

// Node's HTTP/2 client ends a stream properly before it resets it, so a torn stream looks whole until the
// reset has been read as well: it comes with the end or right behind it. A few turns of the event loop tell
// the two apart, else a handler would take half an upload for all of it.
const TURNS = 3;

async function leavingShows(call: IncomingCall): Promise<void> {
  for (let turn = 0; turn < TURNS && call.cancelled === undefined; turn++) await immediate();
}
