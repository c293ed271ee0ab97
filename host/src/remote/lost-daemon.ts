import { status } from '@grpc/grpc-js';
import type { StatusObject } from '../routing/grpc-call';
import { refusalStatus } from '../routing/refusal';

/** What grpc-js says of a call that it could not begin. Nobody has seen it. */
const notBegun = /^(No connection established|Name resolution failed|Channel closed before call started)/;
/** What it says of one that was cut. A plugin's own words come with its status over a connection that holds. */
const cut =
  /^(Connection dropped|Call cancelled|Stream refused by server|Received RST_STREAM|Failed to start HTTP\/2 stream|read ECONNRESET|write EPIPE)/;

/** The status of a call through a daemon: where it was the connection to the daemon that ended it, with a code that says so. */
export function statusFromDoor(received: StatusObject): StatusObject {
  const { code, details, metadata } = received;
  // What has trailers has come from somebody.
  if (code === status.OK || Object.keys(metadata?.getMap() ?? {}).length > 0) return received;
  if (code === status.UNAVAILABLE && notBegun.test(details)) {
    const words = `The daemon can not be reached (${details})`;
    return refusalStatus({ code: 'DAEMON_UNREACHABLE', details: words });
  }
  if (!cut.test(details)) return received;
  return lostDuringCall(details);
}

/** The status of a call whose daemon is gone. Nobody knows how far it had come. */
export function lostDuringCall(why: string): StatusObject {
  const details = `The connection to the daemon was lost during the call (${why})`;
  return refusalStatus({ code: 'DAEMON_UNREACHABLE', details, executed: 'maybe' });
}
