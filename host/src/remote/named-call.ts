import type { Metadata } from '@grpc/grpc-js';
import { PLUGIN_KEY } from '../front-door/forwarded-metadata';
import type { Call, CallListener, MessageContext, StatusObject } from '../routing/grpc-call';
import { statusFromDoor } from './lost-daemon';

/** A call through a daemon's front door that says which plugin is to answer it. */
export class NamedCall implements Call {
  /** It was its caller who ended it: what the connection says of it is no loss. */
  private cancelled = false;

  constructor(
    private readonly call: Call,
    private readonly plugin: string,
  ) {}

  start(given: Metadata, listener: CallListener): void {
    // A caller may use his metadata again, for another plugin.
    const metadata = given.clone();
    metadata.set(PLUGIN_KEY, this.plugin);
    this.call.start(metadata, {
      onReceiveMetadata: (headers) => listener.onReceiveMetadata(headers),
      onReceiveMessage: (message: unknown) => listener.onReceiveMessage(message),
      onReceiveStatus: (received: StatusObject) =>
        listener.onReceiveStatus(this.cancelled ? received : statusFromDoor(received)),
    });
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
