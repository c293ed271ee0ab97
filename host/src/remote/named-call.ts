import type { Metadata } from '@grpc/grpc-js';
import { PLUGIN_KEY } from '../front-door/forwarded-metadata';
import type { Call, CallListener, MessageContext, StatusObject } from '../routing/grpc-call';
import { lostDuringCall, statusFromDoor } from './lost-daemon';

/** A call through a daemon's front door that says which plugin is to answer it. */
export class NamedCall implements Call {
  /** It was its caller who ended it: what the connection says of it is no loss. */
  private cancelled = false;
  private lost: StatusObject | undefined;

  constructor(
    private readonly call: Call,
    private readonly plugin: string,
    /** Those that have begun, and not ended: this one too, meanwhile. */
    private readonly running: Set<NamedCall>,
  ) {}

  start(given: Metadata, listener: CallListener): void {
    // A caller may use his metadata again, for another plugin.
    const metadata = given.clone();
    metadata.set(PLUGIN_KEY, this.plugin);
    this.running.add(this);
    let begun = false;
    this.call.start(metadata, {
      onReceiveMetadata: (headers) => {
        begun = true;
        listener.onReceiveMetadata(headers);
      },
      onReceiveMessage: (message: unknown) => {
        begun = true;
        listener.onReceiveMessage(message);
      },
      onReceiveStatus: (received: StatusObject) => {
        this.running.delete(this);
        const own = this.cancelled ? received : statusFromDoor(received, begun);
        listener.onReceiveStatus(this.lost ?? own);
      },
    });
  }

  /** Ends it: its daemon does not answer any more. */
  lose(): void {
    this.lost = lostDuringCall('it does not answer');
    this.call.cancelWithStatus(this.lost.code, this.lost.details);
  }

  cancelWithStatus(...reason: Parameters<Call['cancelWithStatus']>): void {
    this.cancelled = true;
    this.call.cancelWithStatus(...reason);
  }

  sendMessageWithContext(context: MessageContext, message: Buffer): void {
    this.call.sendMessageWithContext(context, message);
  }

  startRead(): void {
    this.call.startRead();
  }

  halfClose(): void {
    this.call.halfClose();
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
