import { performance } from 'node:perf_hooks';
import { Metadata, propagate, status } from '@grpc/grpc-js';
import { LONGEST_TIMER_MS } from '@plugd/protocol/longest-timer';
import type { CallDeadline, ParentCall, StatusObject } from './grpc-call';
import { type Refusal, refusalStatus } from './refusal';

/** What bounds the wait of a held call. */
export interface HeldStartOptions {
  readonly metadata: Metadata;
  readonly deadline: CallDeadline;
  readonly parent: ParentCall;
  readonly propagateFlags: number;
  /** The longest that it may be held, in milliseconds. Does not bind a call that asked to wait for ready. */
  readonly limitMs: number;
  /** The wait has ended without a route. `late`: since it took too long. */
  readonly onEnd: (outcome: StatusObject, late: boolean) => void;
}

/**
 * The start of a call that has to wait. While grpc-js does not know of the call, what it would have done for
 * it is done here: the deadline, the parent's cancellation, and its copy of the metadata.
 */
export class HeldStart {
  readonly metadata: Metadata;
  private readonly since = performance.now();
  private readonly due: number;
  private readonly outcome: StatusObject;
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly options: HeldStartOptions) {
    this.metadata = options.metadata.clone();
    const untilDeadline = deadlineOf(options) - Date.now();
    const untilLimit = this.waitsForReady ? Number.POSITIVE_INFINITY : options.limitMs;
    const deadlineFirst = untilDeadline <= untilLimit;
    this.due = this.since + Math.max(0, deadlineFirst ? untilDeadline : untilLimit);
    this.outcome = deadlineFirst
      ? refusalStatus(
          { code: 'HELD_TOO_LONG', details: 'The deadline passed while the call waited for the plugin' },
          status.DEADLINE_EXCEEDED,
        )
      : refusalStatus(heldTooLong(options.limitMs));
    this.arm();
    if (options.propagateFlags & propagate.CANCELLATION)
      options.parent?.on('cancelled', this.onParentCancelled);
  }

  get waitsForReady(): boolean {
    return this.metadata.getOptions().waitForReady === true;
  }

  get waitedMs(): number {
    return performance.now() - this.since;
  }

  /** The wait is over: nothing of it may fire any more. */
  stop(): void {
    clearTimeout(this.timer);
    this.options.parent?.off('cancelled', this.onParentCancelled);
  }

  // The timer also keeps the process alive while somebody waits, as grpc-js does; so there always is one.
  private arm(): void {
    const delay = Math.min(Math.ceil(this.due - performance.now()), LONGEST_TIMER_MS);
    this.timer = setTimeout(() => {
      if (performance.now() < this.due) this.arm();
      else this.options.onEnd(this.outcome, true);
    }, delay);
  }

  private readonly onParentCancelled = (): void => {
    this.options.onEnd(parentCancelled(), false);
  };
}

/** Why a call waits no longer. */
export function heldTooLong(limitMs: number): Refusal {
  return {
    code: 'HELD_TOO_LONG',
    details: `The call was held for ${limitMs} ms, and the plugin was still not ready to take it`,
  };
}

/** The status of a call whose parent was cancelled, in grpc-js's words. */
export function parentCancelled(): StatusObject {
  return { code: status.CANCELLED, details: 'Cancelled by parent call', metadata: new Metadata() };
}

function deadlineOf({ deadline, parent, propagateFlags }: HeldStartOptions): number {
  const own = Number(deadline);
  return parent !== null && propagateFlags & propagate.DEADLINE
    ? Math.min(own, Number(parent.getDeadline()))
    : own;
}
