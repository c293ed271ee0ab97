import type { OperationTraffic, WatchOperationResponse } from '@plugd/protocol/gen/plugd/admin/v1/admin';
import { errorDocument } from './error-wire';
import type { KeptOperation } from './operations-book';
import { asStruct } from './struct';

/** How often who watches an operation is told how its calls are shared, in milliseconds. */
const trafficMs = 250;

type Update = Pick<WatchOperationResponse, 'update'>;

/** An operation from its beginning to its end. Ends early when the signal fires. */
export async function* watchOperation(
  operation: KeptOperation,
  traffic: () => OperationTraffic | undefined,
  signal: AbortSignal,
): AsyncGenerator<Update, void, undefined> {
  const { handle } = operation;
  const progress = handle[Symbol.asyncIterator]();
  let next = progress.next();
  while (!signal.aborted) {
    const came = await within(next, signal);
    if (came !== undefined) {
      if (came.done === true) break;
      yield { update: { $case: 'progress', value: asStruct(came.value) } };
      next = progress.next();
    }
    const now = operation.outcome.kind === 'running' ? traffic() : undefined;
    if (now !== undefined) yield { update: { $case: 'traffic', value: now } };
  }
  if (!signal.aborted) yield await ending(operation);
}

async function ending({ handle }: KeptOperation): Promise<Update> {
  try {
    return { update: { $case: 'report', value: asStruct(await handle) } };
  } catch (error) {
    return { update: { $case: 'error', value: errorDocument(error) } };
  }
}

/** Undefined: it has not come in this time. */
async function within<T>(work: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  let stop = (): void => {};
  const limit = new Promise<undefined>((resolve) => {
    stop = () => resolve(undefined);
    timer = setTimeout(stop, trafficMs);
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([work, limit]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
  }
}
