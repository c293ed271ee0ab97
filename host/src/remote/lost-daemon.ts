import { status } from '@grpc/grpc-js';
import { ANSWERED_KEY } from '../front-door/forwarded-metadata';
import type { StatusObject } from '../routing/grpc-call';
import { refusalStatus } from '../routing/refusal';

/** What grpc-js says of a call that it could not begin. Nobody has seen it. */
const notBegun = /^(No connection established|Name resolution failed|Channel closed before call started)/;
/** What it says of one that was cut. A stream that the daemon refuses by itself, or that this side could not send, is none. */
const cut =
  /^(Connection dropped|Call cancelled|Stream refused by server|Failed to start HTTP\/2 stream|(read|write) E[A-Z]+|Received RST_STREAM with code (0|7|8)\b|Received RST_STREAM with code 2 triggered by internal client error: (Session closed|The session|(read|write) E))/;

/**
 * The status of a call through a daemon: where it was the connection to the daemon that ended it, with a code that says so. What
 * somebody has said behind the door is his own, in whatever words.
 *
 * @param begun whether anything has come of its answer
 */
export function statusFromDoor(received: StatusObject, begun: boolean): StatusObject {
  const { code, details, metadata } = received;
  if (metadata !== undefined && metadata.get(ANSWERED_KEY).length > 0) {
    metadata.remove(ANSWERED_KEY);
    return received;
  }
  // A daemon before this one's version says nothing, but for what is in other trailers.
  if (code === status.OK || Object.keys(metadata?.getMap() ?? {}).length > 0) return received;
  if (code === status.UNAVAILABLE && notBegun.test(details) && !begun) {
    const words = `The daemon can not be reached (${details})`;
    return refusalStatus({ code: 'DAEMON_UNREACHABLE', details: words });
  }
  return cut.test(details) ? lostDuringCall(details) : received;
}

/** The status of a call whose daemon is gone. Nobody knows how far it had come. */
export function lostDuringCall(why: string): StatusObject {
  const details = `The connection to the daemon was lost during the call (${why})`;
  return refusalStatus({ code: 'DAEMON_UNREACHABLE', details, executed: 'maybe' });
}
