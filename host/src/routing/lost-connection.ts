import { status } from '@grpc/grpc-js';
import type { StatusObject } from './grpc-call';
import { refusalStatus } from './refusal';

/** The beginning of what grpc-js says of a stream that was reset, or could not be made any more. */
const streamWords = /^(Received RST_STREAM|Failed to start HTTP\/2 stream|Call cancelled|Connection dropped)/;

/** Whether a status is one that grpc-js gives a call whose connection breaks. A plugin may answer UNAVAILABLE too. */
export function isBreak({ code, details }: StatusObject): boolean {
  return code === status.UNAVAILABLE || (code !== status.OK && streamWords.test(details));
}

/** The status of a call that was in flight when its connection was lost. */
export function brokenOff(plugin: string, received: StatusObject): StatusObject {
  return refusalStatus({
    code: 'INSTANCE_LOST',
    details: `Plugin ${plugin}: the connection to its process was lost during the call (${received.details})`,
    executed: 'maybe',
  });
}
