import { status } from '@grpc/grpc-js';
import type { ErrorCode } from '@plugd/protocol/error-codes';
import { CODE_TRAILER, EXECUTED_TRAILER } from '@plugd/protocol/rpc/rpc-error';
import type { Leaving } from './endpoint';
import type { StatusObject } from './grpc-call';
import type { StreamOpening } from './stream-opening';

/** What a plugin may end a stream with that only means that it leaves. */
const leaving: ReadonlySet<status> = new Set([
  status.OK,
  status.CANCELLED,
  status.ABORTED,
  status.UNAVAILABLE,
]);

/** What a route says that leads nowhere any more. */
const closing: ReadonlySet<unknown> = new Set<ErrorCode>(['ROUTE_CLOSED', 'HOST_CLOSED']);

/**
 * What the end of an opening is to its stream. `over`: its end. `lost`: the end of that opening alone, if the stream can go on
 * elsewhere. `not-resumed`: it was to go on with what another one had begun, and refused.
 */
export type OpeningEnd = 'over' | 'lost' | 'not-resumed';

/** @param how it left its endpoint, as far as that tells; `ended` where it never came to one */
export function openingEnd(
  { again, said, call: { place } }: StreamOpening,
  { code, metadata }: StatusObject,
  how: Leaving,
): OpeningEnd {
  const [told] = metadata.get(CODE_TRAILER);
  if (how === 'lost' || (how === 'cut' && told === 'INSTANCE_LOST')) return 'lost';
  // A channel that was closed before anybody had noticed; what the route itself says has a code.
  if (place === undefined)
    return again && told === undefined && code === status.UNAVAILABLE ? 'lost' : 'over';
  if (how !== 'ended') return 'over';
  if (place.draining && leaving.has(code)) return 'lost';
  return again && !said && code !== status.OK ? 'not-resumed' : 'over';
}

/** Whether an opening could not begin since nothing serves any more, nor will. */
export function leadsNowhere({ call: { place } }: StreamOpening, { metadata }: StatusObject): boolean {
  return place === undefined && closing.has(metadata.get(CODE_TRAILER)[0]);
}

/** The status of a stream that whoever was to go on with it has refused. */
export function notResumed({ code, details, metadata }: StatusObject): StatusObject {
  const told = metadata.clone();
  told.set(CODE_TRAILER, 'STREAM_NOT_RESUMED');
  told.set(EXECUTED_TRAILER, 'maybe');
  return { code, details: `The stream could not be resumed where it stood: ${details}`, metadata: told };
}
