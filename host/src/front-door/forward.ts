import { Metadata, status } from '@grpc/grpc-js';
import type { Channel } from '../routing/grpc-call';
import type { DoorCall } from './door-call';

/**
 * Makes the call on this channel, message by message: one is asked of either side when the other has taken the one
 * before.
 *
 * @param deadline in milliseconds since the epoch, or Infinity
 */
export function forward(call: DoorCall, channel: Channel, deadline: number): void {
  const out = channel.createCall(call.path, deadline, null, null, null);
  call.listen({
    onMessage: (message) => out.sendMessageWithContext({ callback: () => call.startRead() }, message),
    onEnd: () => out.halfClose(),
    onCancelled: () => out.cancelWithStatus(status.CANCELLED, 'The caller has left the call'),
  });
  out.start(call.metadata, {
    onReceiveMetadata: (metadata) => call.sendHeaders(metadata),
    onReceiveMessage: (message: unknown) => {
      if (message instanceof Uint8Array) call.sendMessage(message, () => out.startRead());
    },
    onReceiveStatus: (received) => call.end({ ...received, metadata: received.metadata ?? new Metadata() }),
  });
  out.startRead();
  call.startRead();
}
