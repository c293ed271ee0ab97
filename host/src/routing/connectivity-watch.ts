import { performance } from 'node:perf_hooks';
import type { connectivityState } from '@grpc/grpc-js';
import { LONGEST_TIMER_MS } from '@plugd/protocol/longest-timer';
import type { Channel } from './grpc-call';

/** What a watch looks at: a channel whose real channel changes. */
export interface Watched {
  getConnectivityState(tryToConnect: boolean): connectivityState;
  /** The real channel of now. */
  readonly underlying: Channel | undefined;
}

/** One `watchConnectivityState`, which follows the route from one real channel to the next. */
export class ConnectivityWatch {
  private readonly due: number;
  private timer: NodeJS.Timeout | undefined;
  private attached: Channel | undefined;
  private ended = false;

  constructor(
    private readonly watched: Watched,
    private readonly seen: connectivityState,
    deadline: Date | number,
    private readonly callback: (error?: Error) => void,
    private readonly onEnd: (watch: ConnectivityWatch) => void,
  ) {
    this.due = performance.now() + (Number(deadline) - Date.now());
    if (this.due !== Number.POSITIVE_INFINITY) this.arm();
  }

  /** To be called whenever the state may have changed. */
  check(): void {
    if (this.ended) return;
    if (this.watched.getConnectivityState(false) !== this.seen) {
      this.end(undefined);
      return;
    }
    const channel = this.watched.underlying;
    if (channel === undefined || channel === this.attached) return;
    this.attached = channel;
    try {
      channel.watchConnectivityState(this.seen, Number.POSITIVE_INFINITY, () => {
        if (this.attached === channel) this.attached = undefined;
        this.check();
      });
    } catch {
      // The real channel has been closed, so it will not change any more: the next one is waited for.
    }
  }

  private arm(): void {
    const delay = Math.min(Math.max(0, Math.ceil(this.due - performance.now())), LONGEST_TIMER_MS);
    this.timer = setTimeout(() => {
      if (performance.now() < this.due) this.arm();
      else this.end(new Error('Deadline passed without connectivity state change'));
    }, delay);
  }

  // In a tick of its own: a callback that throws must not interrupt a swap.
  private end(error: Error | undefined): void {
    if (this.ended) return;
    this.ended = true;
    clearTimeout(this.timer);
    this.onEnd(this);
    process.nextTick(this.callback, error);
  }
}
