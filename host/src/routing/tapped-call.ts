import type { Metadata } from '@grpc/grpc-js';
import type { Call, CallListener, MessageContext, StatusObject } from './grpc-call';
import type { CallTap, TappedCall } from './tap';

/**
 * A call whose bytes a tap may see, always after those whose call it is. It asks the tap when it starts; for one that
 * the tap doesn't want, no listener stands in between. A tap that throws hears no more of the call, and nobody hears
 * of that.
 */
export class CallWithTap implements Call {
  private tapped: TappedCall | undefined;

  constructor(
    private readonly call: Call,
    private readonly tap: CallTap,
    private readonly path: string,
  ) {}

  start(metadata: Metadata, listener: CallListener): void {
    this.tell(() => {
      this.tapped = this.tap.call(this.path, metadata);
      return this.tapped;
    });
    this.call.start(metadata, this.tapped === undefined ? listener : this.listening(listener));
  }

  private listening(listener: CallListener): CallListener {
    return {
      onReceiveMetadata: (metadata) => listener.onReceiveMetadata(metadata),
      onReceiveMessage: (message: unknown) => {
        listener.onReceiveMessage(message);
        if (message instanceof Uint8Array) this.tell(() => this.tapped?.response(message));
      },
      onReceiveStatus: (received: StatusObject) => {
        // What the caller throws is no reason to leave the tap waiting for an end.
        try {
          listener.onReceiveStatus(received);
        } finally {
          this.tell(() => this.tapped?.end(received.code, received.details));
        }
      },
    };
  }

  private tell(what: () => unknown): void {
    const forget = (): void => {
      this.tapped = undefined;
    };
    try {
      const returned = what();
      // An async function is a part of a tap too, and its rejection, which nobody handles, would end the process.
      if (returned instanceof Promise) returned.catch(forget);
    } catch {
      forget();
    }
  }

  sendMessageWithContext(context: MessageContext, message: Buffer): void {
    this.call.sendMessageWithContext(context, message);
    if (this.tapped !== undefined) this.tell(() => this.tapped?.request(message));
  }

  startRead(): void {
    this.call.startRead();
  }

  halfClose(): void {
    this.call.halfClose();
  }

  cancelWithStatus(...reason: Parameters<Call['cancelWithStatus']>): void {
    this.call.cancelWithStatus(...reason);
  }

  setCredentials(...credentials: Parameters<Call['setCredentials']>): void {
    this.call.setCredentials(...credentials);
  }

  getPeer(): string {
    return this.call.getPeer();
  }

  getCallNumber(): number {
    return this.call.getCallNumber();
  }

  getAuthContext(): ReturnType<Call['getAuthContext']> {
    return this.call.getAuthContext();
  }
}
