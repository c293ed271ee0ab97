import { type ChannelInterface, status } from '@grpc/grpc-js';

type Call = ReturnType<ChannelInterface['createCall']>;
type Start = Parameters<Call['start']>;
type SendMessage = Parameters<Call['sendMessageWithContext']>;

/**
 * A channel to one process, whose calls end with it. A connection may break without grpc-js hearing of it: Node's TLS
 * never reports another write after one that failed, and HTTP/2 waits for that report before it reads on. So whoever
 * writes twice to a process that has just ended never sees the end, and calls would last until their deadlines.
 */
export class ProcessChannel implements ChannelInterface {
  readonly #channel: ChannelInterface;
  readonly #running = new Set<Call>();
  #ended: string | undefined;

  constructor(channel: ChannelInterface) {
    this.#channel = channel;
  }

  createCall(...order: Parameters<ChannelInterface['createCall']>): Call {
    return new ProcessCall(this.#channel.createCall(...order), this);
  }

  /** The process has ended: calls in flight fail with UNAVAILABLE, and so does whatever is called from now on. */
  end(details: string): void {
    this.#ended = details;
    for (const call of [...this.#running]) call.cancelWithStatus(status.UNAVAILABLE, details);
  }

  /** For its calls. */
  started(call: Call): void {
    if (this.#ended === undefined) this.#running.add(call);
    else call.cancelWithStatus(status.UNAVAILABLE, this.#ended);
  }

  /** For its calls. */
  finished(call: Call): void {
    this.#running.delete(call);
  }

  close(): void {
    this.#channel.close();
  }

  getTarget(): string {
    return this.#channel.getTarget();
  }

  getConnectivityState(tryToConnect: boolean): ReturnType<ChannelInterface['getConnectivityState']> {
    return this.#channel.getConnectivityState(tryToConnect);
  }

  watchConnectivityState(...watch: Parameters<ChannelInterface['watchConnectivityState']>): void {
    this.#channel.watchConnectivityState(...watch);
  }

  getChannelzRef(): ReturnType<ChannelInterface['getChannelzRef']> {
    return this.#channel.getChannelzRef();
  }
}

/** Tells its channel when it runs. */
class ProcessCall implements Call {
  constructor(
    private readonly call: Call,
    private readonly channel: ProcessChannel,
  ) {}

  start(metadata: Start[0], listener: Start[1]): void {
    const { call, channel } = this;
    call.start(metadata, {
      onReceiveMetadata: (received) => listener.onReceiveMetadata(received),
      onReceiveMessage: (message: unknown) => listener.onReceiveMessage(message),
      onReceiveStatus: (received) => {
        channel.finished(call);
        listener.onReceiveStatus(received);
      },
    });
    channel.started(call);
  }

  cancelWithStatus(code: status, details: string): void {
    this.call.cancelWithStatus(code, details);
  }

  sendMessageWithContext(...message: SendMessage): void {
    this.call.sendMessageWithContext(...message);
  }

  startRead(): void {
    this.call.startRead();
  }

  halfClose(): void {
    this.call.halfClose();
  }

  getPeer(): string {
    return this.call.getPeer();
  }

  getCallNumber(): number {
    return this.call.getCallNumber();
  }

  setCredentials(credentials: Parameters<Call['setCredentials']>[0]): void {
    this.call.setCredentials(credentials);
  }

  getAuthContext(): ReturnType<Call['getAuthContext']> {
    return this.call.getAuthContext();
  }
}
