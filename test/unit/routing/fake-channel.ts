import { connectivityState, Metadata, status } from '@grpc/grpc-js';
import type { Call, CallListener, Channel, StatusObject } from '../../../host/src/routing/grpc-call';
import type { RetryRule } from '../../../host/src/routing/replay';

/** What a call was told, and a way to answer it. */
export class FakeCall {
  listener: CallListener | undefined;
  metadata = new Metadata();
  readonly sent: string[] = [];
  reads = 0;
  halfClosed = false;
  readonly cancelled: string[] = [];

  headers(text = 'first'): this {
    const metadata = new Metadata();
    metadata.set('x-from', text);
    this.listener?.onReceiveMetadata(metadata);
    return this;
  }

  message(text: string): this {
    this.listener?.onReceiveMessage(text);
    return this;
  }

  end(code = status.OK, details = ''): void {
    this.listener?.onReceiveStatus({ code, details, metadata: new Metadata() });
  }
}

/** A connection whose state and calls are the test's. */
export class FakeChannel implements Channel {
  readonly calls: FakeCall[] = [];
  state = connectivityState.READY;
  #watchers: (() => void)[] = [];

  /** The connection comes into this state, and whoever watches it is told. */
  become(state: connectivityState): void {
    this.state = state;
    for (const tell of this.#watchers.splice(0)) tell();
  }

  /** As grpc-js ends calls when their connection breaks. */
  break(details = 'Connection dropped'): void {
    this.become(connectivityState.TRANSIENT_FAILURE);
    for (const call of this.calls) call.end(status.UNAVAILABLE, details);
  }

  close(): void {
    this.become(connectivityState.SHUTDOWN);
  }

  getTarget(): string {
    return 'fake';
  }

  getConnectivityState(): connectivityState {
    return this.state;
  }

  watchConnectivityState(_: connectivityState, __: Date | number, callback: () => void): void {
    this.#watchers.push(callback);
  }

  get watchers(): number {
    return this.#watchers.length;
  }

  getChannelzRef(): never {
    throw new Error('it has none');
  }

  createCall(): Call {
    const call = new FakeCall();
    this.calls.push(call);
    return {
      start: (metadata, listener) => {
        call.metadata = metadata;
        call.listener = listener;
      },
      cancelWithStatus: (code, details) => {
        call.cancelled.push(details);
        setImmediate(() => call.end(code, details));
      },
      sendMessageWithContext: ({ callback }, message) => {
        call.sent.push(message.toString());
        callback?.();
      },
      startRead: () => {
        call.reads++;
      },
      halfClose: () => {
        call.halfClosed = true;
      },
      getPeer: () => 'fake',
      getCallNumber: () => 1,
      setCredentials() {},
      getAuthContext: () => null,
    };
  }
}

/** Get may be repeated, and so may the stream Watch; nothing else. */
export const retryRule: RetryRule = {
  attempts: 3,
  mayRepeat: (path) => (path.endsWith('/Get') ? 'one-answer' : path.endsWith('/Watch') ? 'stream' : 'no'),
};

/** What a call's caller hears. */
export class Heard implements CallListener {
  readonly headers: unknown[] = [];
  readonly messages: unknown[] = [];
  readonly statuses: StatusObject[] = [];

  onReceiveMetadata(metadata: Metadata): void {
    this.headers.push(metadata.get('x-from')[0]);
  }

  onReceiveMessage(message: unknown): void {
    this.messages.push(message);
  }

  onReceiveStatus(received: StatusObject): void {
    this.statuses.push(received);
  }

  /** Code, plugd-code and plugd-executed of the one status. */
  get outcome(): [status, unknown, unknown] {
    const [only, ...more] = this.statuses;
    if (only === undefined || more.length > 0) throw new Error(`it ended ${this.statuses.length} times`);
    return [only.code, only.metadata.get('plugd-code')[0], only.metadata.get('plugd-executed')[0]];
  }
}
