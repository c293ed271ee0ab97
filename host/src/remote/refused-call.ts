import type { Metadata } from '@grpc/grpc-js';
import type { Call, CallListener, StatusObject } from '../routing/grpc-call';

/** A call that ends before it begins. */
export class RefusedCall implements Call {
  private ended = false;

  constructor(private readonly outcome: StatusObject) {}

  start(_metadata: Metadata, listener: CallListener): void {
    // Never before whoever starts it has gone on: grpc-js's calls don't either.
    process.nextTick(() => {
      if (this.ended) return;
      this.ended = true;
      listener.onReceiveStatus(this.outcome);
    });
  }

  cancelWithStatus(): void {}
  sendMessageWithContext(): void {}
  startRead(): void {}
  halfClose(): void {}
  setCredentials(): void {}

  getPeer(): string {
    return 'unknown';
  }

  getCallNumber(): number {
    return -1;
  }

  getAuthContext(): ReturnType<Call['getAuthContext']> {
    return null;
  }
}
