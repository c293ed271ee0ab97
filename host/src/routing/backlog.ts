import type { Call, MessageContext } from './grpc-call';

type Operation = { readonly context: MessageContext; readonly message: Buffer } | 'half-close';

/** What a call was told to do before there was a channel to do it: kept, and replayed in order. */
export class Backlog {
  private target: Call | undefined;
  private readWanted = false;
  private readonly operations: Operation[] = [];

  startRead(): void {
    if (this.target === undefined) this.readWanted = true;
    else this.target.startRead();
  }

  sendMessage(context: MessageContext, message: Buffer): void {
    this.operations.push({ context, message });
  }

  halfClose(): void {
    this.operations.push('half-close');
  }

  /** Replays everything onto a started call, then calls `done`; until then what is new still comes here. */
  replay(target: Call, done: () => void): void {
    this.target = target;
    if (this.readWanted) target.startRead();
    this.next(target, done);
  }

  /** Lets those go who wait for their message to be sent: it never will be. */
  discard(): void {
    for (const operation of this.operations.splice(0)) {
      if (operation !== 'half-close') operation.context.callback?.();
    }
  }

  private next(target: Call, done: () => void): void {
    for (
      let operation = this.operations.shift();
      operation !== undefined;
      operation = this.operations.shift()
    ) {
      if (operation === 'half-close') {
        target.halfClose();
        continue;
      }
      const { context, message } = operation;
      if (this.operations.length === 0 || this.operations[0] === 'half-close') {
        target.sendMessageWithContext(context, message);
        continue;
      }
      // grpc-js keeps only one message of a call that is not yet on the wire: the next waits for this one.
      const callback = (error?: Error | null): void => {
        context.callback?.(error);
        this.next(target, done);
      };
      target.sendMessageWithContext({ ...context, callback }, message);
      return;
    }
    done();
  }
}
