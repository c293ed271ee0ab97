import { type CallCredentials, Metadata, propagate, status } from '@grpc/grpc-js';
import { Backlog } from './backlog';
import type { Generation, RunningCall } from './generation';
import type { Call, CallDeadline, CallListener, MessageContext, ParentCall, StatusObject } from './grpc-call';
import { HeldStart, parentCancelled } from './held-start';
import { type Refusal, refusalStatus } from './refusal';

/** What a call asks of the place that it was made in. */
export interface CallRoute {
  /** Where calls that start now go; undefined if they are to be held or refused. */
  readonly open: Generation | undefined;
  /** Takes a call that cannot start now: holds it, or refuses it. */
  wait(call: SwapCall, waitsForReady: boolean): 'held' | StatusObject;
  /** A call that was held waits no longer. */
  forget(call: SwapCall): void;
  /** The longest time for a call to be held, in milliseconds. */
  readonly holdLimitMs: number;
  getTarget(): string;
}

/**
 * A call through the swap channel. The call on the real channel is made in `start()`, so that is when it is
 * pinned to a generation: interceptors may start a call late, or never.
 *
 * It is the real call's listener itself, so that the path of a call makes no closures.
 */
export class SwapCall implements Call, CallListener, RunningCall {
  private inner: Call | undefined;
  private generation: Generation | undefined;
  private listener: CallListener | undefined;
  private credentials: CallCredentials | undefined;
  /** Operations that have no real call yet to go to. */
  private backlog: Backlog | undefined;
  private held: HeldStart | undefined;
  /** The status of a call that ended on this side; of one that is being cut, what its status will be. */
  private outcome: StatusObject | undefined;
  private ended = false;

  constructor(
    private readonly route: CallRoute,
    private readonly method: string,
    private readonly deadline: CallDeadline,
    private readonly host: string | null | undefined,
    private readonly parent: ParentCall,
    private readonly propagateFlags: number | null | undefined,
  ) {}

  start(metadata: Metadata, listener: CallListener): void {
    this.listener = listener;
    const generation = this.route.open;
    if (generation !== undefined && !this.ended && this.parent === null) this.begin(generation, metadata, 0);
    else this.startWithCare(metadata);
  }

  /** All that may stand in the way of a start. */
  private startWithCare(metadata: Metadata): void {
    if (this.ended) {
      this.report();
      return;
    }
    // grpc-js hears of a parent's cancellation only what happens after it has made the call.
    if (this.parent?.cancelled === true && this.flags & propagate.CANCELLATION) {
      this.endHere(parentCancelled());
      return;
    }
    const generation = this.route.open;
    if (generation !== undefined) {
      this.begin(generation, metadata, 0);
      return;
    }
    const verdict = this.route.wait(this, metadata.getOptions().waitForReady === true);
    if (verdict !== 'held') {
      this.endHere(verdict);
      return;
    }
    this.backlog ??= new Backlog();
    this.held = new HeldStart({
      metadata,
      deadline: this.deadline,
      parent: this.parent,
      propagateFlags: this.flags,
      limitMs: this.route.holdLimitMs,
      onEnd: (outcome) => this.endHere(outcome),
    });
  }

  private get flags(): number {
    return this.propagateFlags ?? propagate.DEFAULTS;
  }

  get waitsForReady(): boolean {
    return this.held?.waitsForReady === true;
  }

  /** The hold has ended, and this is where the call goes. */
  release(generation: Generation): void {
    const held = this.held;
    if (held === undefined) return;
    this.held = undefined;
    held.stop();
    this.route.forget(this);
    this.begin(generation, held.metadata, held.waitedMs);
  }

  /** The wait has ended, and there is nowhere to go. */
  refuse(refusal: Refusal): void {
    this.endHere(refusalStatus(refusal));
  }

  private begin(generation: Generation, metadata: Metadata, waitedMs: number): void {
    let inner: Call;
    try {
      inner = generation.channel.createCall(
        this.method,
        this.deadline,
        this.host,
        this.parent,
        this.propagateFlags,
      );
    } catch (error) {
      // grpc-js throws if the channel has been closed, which is how a generation without a process looks.
      const details = error instanceof Error ? error.message : String(error);
      this.endHere({ code: status.UNAVAILABLE, details, metadata: new Metadata() });
      return;
    }
    this.inner = inner;
    this.generation = generation;
    generation.enter(this, waitedMs);
    if (this.credentials !== undefined) inner.setCredentials(this.credentials);
    inner.start(metadata, this);
    if (this.backlog !== undefined) {
      this.backlog.replay(inner, () => {
        this.backlog = undefined;
      });
    }
  }

  /** Ends a call that has not begun on a real channel. */
  private endHere(outcome: StatusObject): void {
    if (this.ended) return;
    this.ended = true;
    this.outcome = outcome;
    if (this.held !== undefined) {
      this.held.stop();
      this.held = undefined;
      this.route.forget(this);
    }
    this.backlog?.discard();
    this.backlog = undefined;
    if (this.listener !== undefined) this.report();
  }

  // As everywhere in grpc-js a status comes in a tick of its own, never out of the call that caused it.
  private report(): void {
    process.nextTick(() => {
      if (this.outcome !== undefined) this.listener?.onReceiveStatus(this.outcome);
    });
  }

  cut(outcome: StatusObject): void {
    this.outcome = outcome;
    this.inner?.cancelWithStatus(outcome.code, outcome.details);
  }

  // What the client asks of the call.

  cancelWithStatus(code: status, details: string): void {
    if (this.inner !== undefined) this.inner.cancelWithStatus(code, details);
    else this.endHere({ code, details, metadata: new Metadata() });
  }

  sendMessageWithContext(context: MessageContext, message: Buffer): void {
    if (this.inner !== undefined && this.backlog === undefined) {
      this.inner.sendMessageWithContext(context, message);
    } else if (this.ended) {
      context.callback?.();
    } else {
      this.backlog ??= new Backlog();
      this.backlog.sendMessage(context, message);
    }
  }

  startRead(): void {
    if (this.inner !== undefined) {
      this.inner.startRead();
    } else if (!this.ended) {
      this.backlog ??= new Backlog();
      this.backlog.startRead();
    }
  }

  halfClose(): void {
    if (this.inner !== undefined && this.backlog === undefined) {
      this.inner.halfClose();
    } else if (!this.ended) {
      this.backlog ??= new Backlog();
      this.backlog.halfClose();
    }
  }

  setCredentials(credentials: CallCredentials): void {
    this.credentials = credentials;
    this.inner?.setCredentials(credentials);
  }

  getPeer(): string {
    return this.inner?.getPeer() ?? this.route.getTarget();
  }

  getCallNumber(): number {
    return this.inner?.getCallNumber() ?? -1;
  }

  getAuthContext(): ReturnType<Call['getAuthContext']> {
    return this.inner?.getAuthContext() ?? null;
  }

  // What the real call reports.

  onReceiveMetadata(metadata: Metadata): void {
    if (!this.ended) this.listener?.onReceiveMetadata(metadata);
  }

  onReceiveMessage(message: unknown): void {
    if (!this.ended) this.listener?.onReceiveMessage(message);
  }

  onReceiveStatus(received: StatusObject): void {
    if (this.ended) return;
    this.ended = true;
    const cutting = this.outcome;
    // The call's own status may have been on its way already when it was cut; then that one counts.
    const cut =
      cutting !== undefined && cutting.code === received.code && cutting.details === received.details;
    this.generation?.leave(this, received.code, cut);
    this.listener?.onReceiveStatus(cut ? cutting : inTime(received, this.deadline));
  }
}

/**
 * A plugin in Go ends a call itself when its deadline passes, with a reset that grpc-js takes for a cancellation. On
 * a busy host that may be heard before its own timer; grpc-go's clients make the same correction.
 */
function inTime(received: StatusObject, deadline: CallDeadline): StatusObject {
  if (received.code !== status.CANCELLED || Number(deadline) > Date.now()) return received;
  return { ...received, code: status.DEADLINE_EXCEEDED, details: 'Deadline exceeded' };
}
