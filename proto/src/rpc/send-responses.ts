import type { Writable } from 'node:stream';
import { closeIterator, openIterator } from './iterate';
import type { IncomingCall } from './service-call';

/**
 * Writes responses as they come, none before the caller's side has room for it.
 *
 * @throws what the iteration or the encoding throws, and the reason when the caller leaves.
 */
export async function sendResponses(
  responses: unknown,
  stream: Writable,
  call: IncomingCall,
  encode: (response: unknown) => Buffer,
): Promise<void> {
  const iterator = openIterator(responses, `What the handler of ${call.path} returns`);
  let wake = (): void => {};
  let finished = false;
  stream.on('drain', () => wake());
  call.whenCancelled(() => {
    wake();
    // Ends a generator where it waits, which may be a yield that nobody would ever come back to.
    if (!finished) void closeIterator(iterator);
  });
  try {
    for (;;) {
      const result = await iterator.next();
      if (call.cancelled !== undefined) throw call.cancelled;
      if (result.done === true) {
        finished = true;
        return;
      }
      if (stream.write(encode(result.value))) continue;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
      if (call.cancelled !== undefined) throw call.cancelled;
    }
  } catch (error) {
    if (!finished) {
      finished = true;
      await closeIterator(iterator);
    }
    throw error;
  }
}
