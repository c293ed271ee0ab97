import { AsyncResource } from 'node:async_hooks';
import { performance } from 'node:perf_hooks';
import { type CallCredentials, Metadata, propagate, status } from '@grpc/grpc-js';
import { EXECUTED_TRAILER } from '@plugd/protocol/rpc/rpc-error';
import { deadlineAt, dueTime } from './due-time';
import type { Leaving } from './endpoint';
import type { Call, CallDeadline, CallListener, MessageContext, ParentCall, StatusObject } from './grpc-call';
import { parentCancelled } from './held-start';
import { currentLineage } from './lineage';
import { leadsNowhere, notResumed, openingEnd } from './stream-end';
import { type AfterEnd, type OpeningOwner, StreamOpening } from './stream-opening';
import { StreamPosition } from './stream-position';
import type { StreamRule } from './stream-rule';
import { type CallRoute, SwapCall } from './swap-call';

/** How long another opening may neither answer nor refuse before the one that it takes the place of is left. */
const acceptMs = 500;
/** How often a stream is opened again without a message in between. */
const mostReopenings = 3;
/** Before the second such time; before each further one twice as long. */
const firstDelayMs = 50;

interface ResumableCallOptions {
  /** Where the call was made. */
  readonly route: CallRoute;
  /** Where it goes on: who closes what he made a call with does not end the call. */
  readonly reopenRoute: CallRoute;
  readonly rule: StreamRule;
  readonly method: string;
  readonly deadline: CallDeadline;
  readonly host: string | null | undefined;
  readonly parent: ParentCall;
  readonly propagateFlags: number | null | undefined;
}

/**
 * A stream that goes on where another instance takes over: made of calls one after the other, each of which begins behind
 * the last message of the one before. Its caller sees one call.
 *
 * Where the one that it is on only drains, it goes on there until the next one has begun to answer: should that refuse, the
 * caller has lost nothing.
 */
export class ResumableCall implements Call, OpeningOwner {
  private readonly options: ResumableCallOptions;
  private readonly position: StreamPosition;
  private readonly flags: number;
  private readonly due: number;
  private listener: CallListener | undefined;
  private metadata: Metadata | undefined;
  private credentials: CallCredentials | undefined;
  /** So that whoever asks for the context finds his caller's, also where another one's work has it opened again. */
  private scope: AsyncResource | undefined;
  /** Whose messages reach the caller. */
  private current: StreamOpening;
  /** Tried beside it. */
  private next: StreamOpening | undefined;
  private acceptTimer: NodeJS.Timeout | undefined;
  private delayTimer: NodeJS.Timeout | undefined;
  /** The caller has asked for a message that has not come. */
  private readWanted = false;
  private headersGiven = false;
  /** It was told to go elsewhere before it could. */
  private sendOnWanted = false;
  /** The next one has refused: where it is it stays. */
  private stays = false;
  /** How often it was opened again since its last message. */
  private reopenings = 0;
  /** How often the next one was lost while the current one goes on. */
  private losses = 0;
  /** What the current one ended with, where that is not the stream's end. */
  private lost: StatusObject | undefined;
  private cancelled = false;
  private over = false;
  /** Where calls are metered: when its caller began it. */
  private startedAt = 0;

  constructor(options: ResumableCallOptions) {
    const { parent, propagateFlags, deadline, rule, method } = options;
    this.options = options;
    this.flags = propagateFlags ?? propagate.DEFAULTS;
    this.position = new StreamPosition(rule, method);
    const limits = [dueTime(deadline)];
    if (parent !== null && this.flags & propagate.DEADLINE) limits.push(dueTime(parent.getDeadline()));
    this.due = Math.min(...limits);
    this.current = this.opening(options.route, false);
  }

  start(metadata: Metadata, listener: CallListener): void {
    const { parent, route } = this.options;
    this.listener = listener;
    this.metadata = metadata.clone();
    this.scope = new AsyncResource('PLUGD_STREAM');
    if (route.meter !== undefined) this.startedAt = performance.now();
    // What descends from a call in flight on a generation ends with that.
    if (currentLineage()?.generationOf(route.name) !== undefined) this.position.forget();
    if (parent !== null && this.flags & propagate.CANCELLATION) {
      if (parent.cancelled) {
        process.nextTick(() => this.finish(parentCancelled()));
        return;
      }
      // One listener for all of its calls: grpc-js would leave one for each.
      parent.on('cancelled', this.onParentCancelled);
    }
    this.current.call.start(metadata, this.current);
  }

  get resumes(): boolean {
    return this.position.resumable;
  }

  // What the client asks of the call.

  cancelWithStatus(code: status, details: string): void {
    if (this.over || this.cancelled) return;
    this.cancelled = true;
    if (this.next !== undefined) this.leave(this.next);
    this.next = undefined;
    this.stopTimers();
    if (this.lost === undefined) this.current.call.cancelWithStatus(code, details);
    else process.nextTick(() => this.finish({ code, details, metadata: new Metadata() }));
  }

  sendMessageWithContext(context: MessageContext, message: Buffer): void {
    this.position.sends(context, message);
    this.current.call.sendMessageWithContext(context, message);
  }

  halfClose(): void {
    this.position.halfClosed = true;
    this.current.call.halfClose();
    if (this.sendOnWanted) this.sendOn(this.current);
  }

  startRead(): void {
    this.readWanted = true;
    this.read();
  }

  setCredentials(credentials: CallCredentials): void {
    this.credentials = credentials;
    this.current.call.setCredentials(credentials);
  }

  getPeer(): string {
    return this.current.call.getPeer();
  }

  getCallNumber(): number {
    return this.current.call.getCallNumber();
  }

  getAuthContext(): ReturnType<Call['getAuthContext']> {
    return this.current.call.getAuthContext();
  }

  // What its calls report.

  headers(opening: StreamOpening, metadata: Metadata): void {
    if (opening === this.next) this.accept();
    if (opening !== this.current || this.headersGiven) return;
    this.headersGiven = true;
    this.listener?.onReceiveMetadata(metadata);
  }

  message(opening: StreamOpening, message: unknown): void {
    if (opening === this.next) this.accept();
    if (opening !== this.current) return;
    if (this.next === undefined) this.give(opening, message);
    else opening.kept.push(message);
  }

  ends(opening: StreamOpening, received: StatusObject, how: Leaving): Leaving {
    opening.after = this.afterEnd(opening, received, how);
    // One that is tried beside another may end as it likes.
    if (opening !== this.current) return how;
    if (opening.after === 'not-resumed') return 'lost';
    return opening.after === 'again' || opening.after === 'other' ? 'resumed' : how;
  }

  ended(opening: StreamOpening, received: StatusObject): void {
    // One that could not even begin has left no endpoint.
    const after = opening.after ?? this.afterEnd(opening, received, 'ended');
    opening.left = true;
    if (after === 'not-resumed') this.position.warn('its token was refused', received.details);
    if (opening === this.next) this.refused(received, after);
    else if (after === 'other') this.accept();
    else if (after === 'again') this.again(received);
    else this.finish(after === 'not-resumed' ? notResumed(received) : received);
  }

  /** Its endpoint is about to leave. */
  sendOn(opening: StreamOpening): void {
    if (opening === this.next) {
      this.leave(opening);
      this.next = undefined;
      clearTimeout(this.acceptTimer);
    }
    this.sendOnWanted = true;
    if (this.next !== undefined || this.stays || this.cancelled || this.lost !== undefined) return;
    clearTimeout(this.delayTimer);
    if (!this.position.mayGoOn) {
      this.read();
      return;
    }
    const next = this.reopen();
    if (next.call.waits) this.takeOver(next);
    else if (next.call.place?.draining === true) this.stay(next);
    else {
      this.next = next;
      this.acceptTimer = setTimeout(() => this.accept(), acceptMs);
      this.read();
    }
  }

  /** Asks for a message where there is one to be had. */
  private read(): void {
    if (!this.readWanted || this.lost !== undefined) return;
    if (this.next !== undefined) {
      this.next.read();
      return;
    }
    const { current } = this;
    const [message] = current.kept.splice(0, 1);
    if (message === undefined) current.read();
    else this.give(current, message);
  }

  private give(opening: StreamOpening, message: unknown): void {
    opening.said = true;
    switch (this.position.moves(message, opening)) {
      case 'repeated':
        opening.read();
        return;
      case 'lost':
        // The one that it is on now does not go on where the one before it stood.
        this.leave(opening);
        this.finish(
          notResumed({
            code: status.ABORTED,
            details: 'its method is resumable no more',
            metadata: new Metadata(),
          }),
        );
        return;
      case 'new':
        this.reopenings = 0;
        this.readWanted = false;
        this.listener?.onReceiveMessage(message);
        // It may have become known only now that it can.
        if (this.sendOnWanted && this.resumes && opening === this.current && !this.over) this.sendOn(opening);
    }
  }

  private afterEnd(opening: StreamOpening, received: StatusObject, how: Leaving): AfterEnd {
    const late = received.code === status.DEADLINE_EXCEEDED && this.due <= performance.now();
    if (this.cancelled || this.over || late) return 'over';
    if (opening === this.current && this.next !== undefined) return 'other';
    const end = openingEnd(opening, received, how);
    if (end !== 'lost') return end;
    return this.reopenings < mostReopenings && this.position.mayGoOn ? 'again' : 'over';
  }

  /** The next one has ended before it said anything. */
  private refused(received: StatusObject, after: StreamOpening['after']): void {
    clearTimeout(this.acceptTimer);
    const { next } = this;
    this.next = undefined;
    if (next !== undefined && received.code === status.OK) {
      // Nothing comes behind what has arrived.
      this.leave(this.current);
      this.current = next;
      this.finish(received);
      return;
    }
    if (after === 'again' && this.losses < mostReopenings) {
      this.losses++;
      this.delay(this.losses + 1, () => this.sendOn(this.current));
    } else {
      this.stays = true;
    }
    // Nothing serves after it: as it ends now it has ended.
    if (next !== undefined && leadsNowhere(next, received)) this.position.forget();
    this.read();
  }

  /** The other one has ended, or the next one goes on, as far as anybody can tell. */
  private accept(): void {
    if (this.next !== undefined) this.takeOver(this.next);
  }

  private takeOver(next: StreamOpening): void {
    clearTimeout(this.acceptTimer);
    this.leave(this.current);
    this.current = next;
    this.next = undefined;
    this.settleDown();
    this.read();
  }

  private settleDown(): void {
    this.sendOnWanted = false;
    this.stays = false;
    this.losses = 0;
  }

  private stay(refused: StreamOpening): void {
    this.leave(refused);
    this.stays = true;
    this.read();
  }

  private again(received: StatusObject): void {
    clearTimeout(this.delayTimer);
    this.lost = received;
    this.reopenings++;
    this.delay(this.reopenings, () => {
      this.lost = undefined;
      this.current = this.reopen();
      this.settleDown();
      this.read();
    });
  }

  /** At once for the first time, later and later for the next ones. */
  private delay(time: number, then: () => void): void {
    if (time === 1) {
      then();
      return;
    }
    const delayMs = firstDelayMs * 2 ** (time - 2);
    this.delayTimer = setTimeout(then, Math.max(0, Math.min(delayMs, this.due - performance.now())));
  }

  private reopen(): StreamOpening {
    const opening = this.opening(this.options.reopenRoute, true);
    const { call } = opening;
    if (this.credentials !== undefined) call.setCredentials(this.credentials);
    // Whoever was lost under it several times goes apart from others like it.
    call.takesTurns = this.reopenings >= mostReopenings;
    this.scope?.runInAsyncScope(() => call.start(this.metadata?.clone() ?? new Metadata(), opening));
    const { context, message } = this.position.request();
    call.sendMessageWithContext(context, message);
    call.halfClose();
    return opening;
  }

  private opening(route: CallRoute, again: boolean): StreamOpening {
    const { method, host } = this.options;
    const call = new SwapCall(route, method, deadlineAt(this.due), host, null, this.options.propagateFlags);
    return new StreamOpening(this, again, call);
  }

  private leave(opening: StreamOpening): void {
    if (opening.left) return;
    opening.left = true;
    opening.call.cancelWithStatus(status.CANCELLED, 'The stream goes on elsewhere');
  }

  /** Whatever instances it was on, it is one call: of the last one. What it waited between them is not told apart. */
  private measure({ code }: StatusObject): void {
    const { route, method } = this.options;
    const generation = this.current.call.place?.generation ?? 0;
    route.meter?.(method, generation, code, performance.now() - this.startedAt, 0);
  }

  private finish(received: StatusObject): void {
    if (this.over) return;
    this.over = true;
    this.stopTimers();
    this.options.parent?.off('cancelled', this.onParentCancelled);
    if (this.next !== undefined) this.leave(this.next);
    if (this.current.again && received.metadata.get(EXECUTED_TRAILER).length > 0)
      received.metadata.set(EXECUTED_TRAILER, 'maybe');
    this.position.forget();
    if (this.startedAt > 0) this.measure(received);
    this.listener?.onReceiveStatus(received);
  }

  private stopTimers(): void {
    clearTimeout(this.acceptTimer);
    clearTimeout(this.delayTimer);
  }

  private readonly onParentCancelled = (): void => {
    const { code, details } = parentCancelled();
    this.cancelWithStatus(code, details);
  };
}
