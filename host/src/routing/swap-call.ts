import { type CallCredentials, Metadata, propagate, status } from '@grpc/grpc-js';
import { DRAINING_TRAILER, EXECUTED_TRAILER } from '@plugd/protocol/rpc/rpc-error';
import { Backlog } from './backlog';
import type { CallMeter } from './call-meter';
import type { CallTarget } from './call-target';
import { deadlineAt, dueTime } from './due-time';
import type { Endpoint, Leaving, RunningCall } from './endpoint';
import type { Call, CallDeadline, CallListener, MessageContext, ParentCall, StatusObject } from './grpc-call';
import { HeldStart, parentCancelled } from './held-start';
import { currentLineage, withLineageKey } from './lineage';
import { brokenOff, isBreak } from './lost-connection';
import { type Refusal, refusalStatus } from './refusal';
import { Replay, type RetryRule } from './replay';
import type { StreamRule } from './stream-rule';
import type { Turns } from './turns';
import type { Waiter } from './waiter';

/** What a call asks of the place that it was made in. */
export interface CallRoute {
  /** The plugin's name. */
  readonly name: string;
  /** Where calls that start now go; undefined if they are to be held or refused. */
  readonly open: CallTarget | undefined;
  /** Takes a call that cannot start now: holds it, or refuses it. */
  wait(call: Waiter, waitsForReady: boolean): 'held' | StatusObject;
  /** A call that was held has waited too long. */
  expire(): void;
  /** A call that was held waits no longer. */
  forget(call: Waiter): void;
  /** The turns of calls that may be what ends processes. */
  readonly turns: Turns<Waiter>;
  /** Where a call goes that descends from one on that generation; undefined: where all calls go. */
  descendant(generation: number, path: string): Endpoint | undefined;
  /** Which calls may be begun anew. */
  readonly retry: RetryRule | undefined;
  /** What is known of the streams that run over it. */
  readonly streams: StreamRule | undefined;
  /** Hears of calls that begin from now on, when they have ended. */
  readonly meter: CallMeter | undefined;
  /** The longest time for a call to be held, in milliseconds. */
  readonly holdLimitMs: number;
  getTarget(): string;
}

/** For a call that is one of several which a stream is made of. */
export interface CallMover {
  /** Whether it sees itself to what happens when the call is lost. */
  readonly resumes: boolean;
  /** The endpoint is about to leave. */
  sendOn(): void;
  /** The call leaves its endpoint, `how` it seems; its status follows. Returns as what that is to count. */
  ends(received: StatusObject, how: Leaving): Leaving;
}

/**
 * A call through the swap channel. The call on the real channel is made in `start()`, so that is when it is
 * pinned to a generation: interceptors may start a call late, or never.
 *
 * It is the real call's listener itself, so that the path of a call makes no closures.
 */
export class SwapCall implements Call, CallListener, RunningCall, Waiter {
  private inner: Call | undefined;
  private endpoint: Endpoint | undefined;
  private listener: CallListener | undefined;
  private credentials: CallCredentials | undefined;
  /** Operations that have no real call yet to go to. */
  private backlog: Backlog | undefined;
  private held: HeldStart | undefined;
  /** What it takes to begin the call anew, as long as that may be done. */
  private replay: Replay | undefined;
  /**
   * What has come of one answer, and waits for its status: should the connection be lost before that, another answer
   * comes, with headers of its own. A plugin may send all three at different times.
   */
  private headers: Metadata | undefined;
  private answer: { readonly message: unknown } | undefined;
  takesTurns = false;
  mover: CallMover | undefined;
  /** The generation that this call's root is on, where it has one. */
  private root: number | undefined;
  private cancelled = false;
  /** Where somebody wants to know how long calls take. */
  private begunAt = 0;
  /** Where calls are metered: when its caller began it, and how long it has waited since. */
  private startedAt = 0;
  private waitedMs = 0;
  /** The status of a call that ended on this side; of one that is being cut, what its status will be. */
  private outcome: StatusObject | undefined;
  private ended = false;
  private readonly due: number;

  constructor(
    private readonly route: CallRoute,
    private readonly method: string,
    private deadline: CallDeadline,
    private readonly host: string | null | undefined,
    private readonly parent: ParentCall,
    private readonly propagateFlags: number | null | undefined,
  ) {
    this.due = dueTime(deadline);
  }

  start(given: Metadata, listener: CallListener): void {
    this.listener = listener;
    // One of several that a stream is made of is no call of the caller's.
    if (this.route.meter !== undefined && this.mover === undefined) this.startedAt = performance.now();
    const { retry } = this.route;
    const repeat = retry === undefined ? 'no' : retry.mayRepeat(this.method);
    const lineage = currentLineage();
    let metadata = given;
    if (lineage !== undefined) {
      metadata = withLineageKey(given, lineage);
      this.root = lineage.generationOf(this.route.name);
    }
    // What came before the start is not kept: nothing of grpc-js's does that.
    if (repeat !== 'no' && this.backlog === undefined && this.mover?.resumes !== true)
      this.replay = new Replay(metadata.clone(), repeat === 'one-answer');
    if (this.ended) this.report();
    else this.go(metadata);
  }

  /** Begins the call where it is to go now; else lets it wait, or ends it. */
  private go(metadata: Metadata): void {
    // grpc-js hears of a parent's cancellation only what happens after it has made the call.
    if (this.parent?.cancelled === true && this.flags & propagate.CANCELLATION) {
      this.endHere(parentCancelled());
      return;
    }
    const endpoint =
      (this.root === undefined ? undefined : this.route.descendant(this.root, this.method)) ??
      this.route.open?.pick(metadata);
    if (endpoint !== undefined && this.mayGo) {
      this.begin(endpoint, metadata, 0);
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
      onEnd: (outcome, late) => {
        if (late) this.route.expire();
        this.endHere(outcome);
      },
    });
  }

  private get mayGo(): boolean {
    return !this.takesTurns || this.root !== undefined || this.route.turns.take(this);
  }

  get path(): string {
    return this.method;
  }

  /** Where it is; undefined before it has begun there. */
  get place(): Endpoint | undefined {
    return this.endpoint;
  }

  /** Whether it waits to begin. */
  get waits(): boolean {
    return this.held !== undefined;
  }

  sendOn(): void {
    this.mover?.sendOn();
  }

  private get flags(): number {
    return this.propagateFlags ?? propagate.DEFAULTS;
  }

  get metadata(): Metadata | undefined {
    return this.held?.metadata;
  }

  get waitsForReady(): boolean {
    return this.held?.waitsForReady === true;
  }

  /** The hold has ended, and this is where the call goes. */
  release(endpoint: Endpoint): void {
    const held = this.held;
    if (held === undefined) return;
    this.held = undefined;
    held.stop();
    this.route.forget(this);
    this.deadline = deadlineAt(this.due);
    const { waitedMs } = held;
    this.waitedMs += waitedMs;
    this.begin(endpoint, held.metadata, waitedMs);
  }

  /** The wait has ended, and there is nowhere to go. */
  refuse(refusal: Refusal): void {
    this.endHere(refusalStatus(refusal));
  }

  private begin(endpoint: Endpoint, metadata: Metadata, waitedMs: number): void {
    let inner: Call;
    try {
      inner = endpoint.channel.createCall(
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
    this.endpoint = endpoint;
    this.begunAt = endpoint.observer === undefined ? 0 : performance.now();
    endpoint.enter(this, waitedMs);
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
    if (this.replay !== undefined && this.replay.attempt > 1) outcome.metadata.set(EXECUTED_TRAILER, 'maybe');
    this.outcome = outcome;
    if (this.held !== undefined) {
      this.held.stop();
      this.waitedMs += this.held.waitedMs;
      this.held = undefined;
      this.route.forget(this);
    }
    this.backlog?.discard();
    this.backlog = undefined;
    this.replay = undefined;
    this.endTurn();
    if (this.listener !== undefined) this.report();
  }

  // As everywhere in grpc-js a status comes in a tick of its own, never out of the call that caused it.
  private report(): void {
    if (this.outcome !== undefined) this.measure(this.outcome, 0);
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
    this.cancelled = true;
    if (this.inner !== undefined) this.inner.cancelWithStatus(code, details);
    else this.endHere({ code, details, metadata: new Metadata() });
  }

  sendMessageWithContext(given: MessageContext, message: Buffer): void {
    const context = this.replay === undefined ? given : this.keep(this.replay, given, message);
    if (this.inner !== undefined && this.backlog === undefined) {
      this.inner.sendMessageWithContext(context, message);
    } else if (this.ended) {
      context.callback?.();
    } else {
      this.backlog ??= new Backlog();
      this.backlog.sendMessage(context, message);
    }
  }

  private keep(replay: Replay, given: MessageContext, message: Buffer): MessageContext {
    const context = replay.sendMessage(given, message);
    if (context === undefined) this.commit();
    return context ?? given;
  }

  startRead(): void {
    this.replay?.startRead();
    if (this.inner !== undefined) {
      this.inner.startRead();
    } else if (!this.ended) {
      this.backlog ??= new Backlog();
      this.backlog.startRead();
    }
  }

  halfClose(): void {
    this.replay?.halfClose();
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
    if (this.ended) return;
    if (this.replay?.oneAnswer === true) {
      this.headers = metadata;
      return;
    }
    this.commit();
    this.listener?.onReceiveMetadata(metadata);
  }

  onReceiveMessage(message: unknown): void {
    if (this.ended) return;
    if (this.replay?.oneAnswer === true && this.answer === undefined) {
      this.answer = { message };
      return;
    }
    if (this.replay !== undefined) this.commit();
    this.listener?.onReceiveMessage(message);
  }

  /** From now on this call belongs to the endpoint that it is on: it is not begun anew. */
  private commit(): void {
    this.replay = undefined;
    this.endTurn();
    const { headers, answer } = this;
    this.headers = undefined;
    this.answer = undefined;
    try {
      if (headers !== undefined) this.listener?.onReceiveMetadata(headers);
    } finally {
      if (answer !== undefined) this.listener?.onReceiveMessage(answer.message);
    }
  }

  private endTurn(): void {
    if (!this.takesTurns) return;
    this.takesTurns = false;
    this.route.turns.end(this);
  }

  onReceiveStatus(received: StatusObject): void {
    if (this.ended) return;
    const cutting = this.outcome;
    // The call's own status may have been on its way already when it was cut; then that one counts.
    const cut =
      cutting !== undefined && cutting.code === received.code && cutting.details === received.details;
    const broke = !this.cancelled && this.broke(received);
    if (!cut && !this.cancelled && this.begunAt > 0) {
      this.endpoint?.observer?.(this.method, received.code, performance.now() - this.begunAt);
    }
    if (broke) {
      // Whatever else is known of it yet: nothing more goes there.
      this.endpoint?.suspend('connection');
      if (this.beginAnew()) return;
    }
    try {
      this.commit();
    } finally {
      // Whatever the caller does with the answer: the call is over.
      this.conclude(received, broke, cut ? cutting : undefined);
    }
  }

  /** @param cutting what it was cut with, if that is its end */
  private conclude(received: StatusObject, broke: boolean, cutting: StatusObject | undefined): void {
    this.ended = true;
    const { endpoint } = this;
    const cut = cutting !== undefined;
    const answer = cut ? cutting : inTime(broke ? brokenOff(this.route.name, received) : received, this.due);
    const how = broke ? 'lost' : cut ? this.asCut() : 'ended';
    endpoint?.leave(this, this.mover === undefined ? how : this.mover.ends(answer, how));
    if (answer.code === status.DEADLINE_EXCEEDED && !cut) endpoint?.onLate?.();
    this.measure(answer, endpoint?.generation ?? 0);
    if (endpoint?.draining === true) answer.metadata.set(DRAINING_TRAILER, 'true');
    this.listener?.onReceiveStatus(answer);
  }

  private measure({ code }: StatusObject, generation: number): void {
    if (this.startedAt === 0) return;
    this.route.meter?.(this.method, generation, code, performance.now() - this.startedAt, this.waitedMs);
  }

  private asCut(): Leaving {
    return this.route.streams?.mayBeCut(this.method) === true ? 'excused' : 'cut';
  }

  /**
   * Whether it is the loss of its instance that ended the call, where somebody sees to such things. One that hangs is
   * lost with its connection in order: then its calls are cut.
   */
  private broke(received: StatusObject): boolean {
    return isBreak(received) && this.route.retry !== undefined && this.endpoint?.lost === true;
  }

  private beginAnew(): boolean {
    const { replay, endpoint } = this;
    const attempts = this.route.retry?.attempts ?? 1;
    if (replay === undefined || endpoint === undefined || replay.attempt >= attempts) return false;
    replay.attempt++;
    // One that two processes were lost under goes apart from all others like it.
    this.takesTurns = attempts > 1 && replay.attempt >= attempts;
    endpoint.leave(this, 'retried');
    this.inner = undefined;
    this.endpoint = undefined;
    this.headers = undefined;
    this.answer = undefined;
    this.outcome = undefined;
    this.backlog = replay.backlog();
    this.deadline = deadlineAt(this.due);
    this.go(replay.metadata.clone());
    return true;
  }
}

/**
 * A plugin in Go ends a call itself when its deadline passes, with a reset that grpc-js takes for a cancellation. On
 * a busy host that may be heard before its own timer; grpc-go's clients make the same correction.
 */
function inTime(received: StatusObject, due: number): StatusObject {
  if (received.code !== status.CANCELLED || due > performance.now()) return received;
  return { ...received, code: status.DEADLINE_EXCEEDED, details: 'Deadline exceeded' };
}
