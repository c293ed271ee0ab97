import type { Metadata } from '@grpc/grpc-js';
import { Backlog } from './backlog';
import type { MessageContext } from './grpc-call';

/** What the contract says of a method, as far as a retry needs to know it. */
export interface RetryRule {
  /**
   * Whether calls of this method may be made twice; and whether its answer is one message, as opposed to a stream.
   * Unknown methods may not.
   */
  mayRepeat(path: string): 'no' | 'one-answer' | 'stream';
  /** How often a call may be begun in all: a request that ends every process it is sent to must not end them all. */
  readonly attempts: number;
}

/** What a call that is kept for a retry may hold in memory: a larger one is not begun anew. */
export const replayLimitBytes = 1024 * 1024;

interface Sent {
  readonly context: MessageContext;
  readonly message: Buffer;
}

/**
 * What a call was told and has sent, kept for as long as it may be begun anew: until anything of its answer has
 * reached its caller, or it has sent more than the limit.
 */
export class Replay {
  private readonly sent: Sent[] = [];
  private bytes = 0;
  private halfClosed = false;
  private readWanted = false;
  attempt = 1;

  constructor(
    /** A copy: its owner may change his own. */
    readonly metadata: Metadata,
    readonly oneAnswer: boolean,
  ) {}

  startRead(): void {
    this.readWanted = true;
  }

  /** The context to send the message with; undefined once it is too much to be kept. */
  sendMessage(context: MessageContext, message: Buffer): MessageContext | undefined {
    this.bytes += message.length;
    if (this.bytes > replayLimitBytes) return undefined;
    const kept = context.callback === undefined ? context : { ...context, callback: once(context.callback) };
    this.sent.push({ context: kept, message });
    return kept;
  }

  halfClose(): void {
    this.halfClosed = true;
  }

  /** All of it, to be told to another call. */
  backlog(): Backlog {
    const backlog = new Backlog();
    if (this.readWanted) backlog.startRead();
    for (const { context, message } of this.sent) backlog.sendMessage(context, message);
    if (this.halfClosed) backlog.halfClose();
    return backlog;
  }
}

type Callback = NonNullable<MessageContext['callback']>;

/** A message is sent once as far as its sender knows. */
function once(callback: Callback): Callback {
  let called = false;
  return (error) => {
    if (called) return;
    called = true;
    callback(error);
  };
}
