import { connectivityState, status } from '@grpc/grpc-js';
import type { CallMeter } from './call-meter';
import type { CallTarget } from './call-target';
import { ConnectivityWatch } from './connectivity-watch';
import type { Endpoint } from './endpoint';
import type { Call, CallDeadline, Channel, ChannelzRef, ParentCall, StatusObject } from './grpc-call';
import { type Refusal, refusalStatus } from './refusal';
import type { RetryRule } from './replay';
import { ResumableCall } from './resumable-call';
import type { StreamRule } from './stream-rule';
import { type CallRoute, SwapCall } from './swap-call';
import type { CallTap } from './tap';
import { CallWithTap } from './tapped-call';
import type { Turns } from './turns';
import type { Waiter } from './waiter';

/** What the facades of one route share. */
export interface Route extends CallRoute {
  readonly underlying: Channel | undefined;
  readonly watches: Set<ConnectivityWatch>;
  /** Sees what calls carry that are made from now on; undefined: nobody does. */
  readonly tap: CallTap | undefined;
  getConnectivityState(tryToConnect: boolean): connectivityState;
  getChannelzRef(): ChannelzRef;
}

const closedByItsOwner: Refusal = {
  code: 'CLIENT_CLOSED',
  details: 'Channel closed before call started',
};

/**
 * A grpc-js channel onto a route, for one owner: closing it, as `client.close()` does, closes it alone. Calls
 * that run go on to their end; calls that are held, or start later, fail with UNAVAILABLE.
 */
export class Facade implements Channel, CallRoute {
  private closed = false;
  private readonly heldCalls = new Set<Waiter>();
  private readonly ownWatches = new Set<ConnectivityWatch>();

  constructor(private readonly route: Route) {}

  createCall(
    method: string,
    deadline: CallDeadline,
    host: string | null | undefined,
    parentCall: ParentCall,
    propagateFlags: number | null | undefined,
  ): Call {
    const { streams } = this.route;
    const call =
      streams === undefined || streams.resumes(method) === undefined
        ? new SwapCall(this, method, deadline, host, parentCall, propagateFlags)
        : new ResumableCall({
            route: this,
            reopenRoute: this.route,
            rule: streams,
            method,
            deadline,
            host,
            parent: parentCall,
            propagateFlags,
          });
    const { tap } = this.route;
    return tap === undefined ? call : new CallWithTap(call, tap, method);
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    for (const call of [...this.heldCalls]) call.refuse(closedByItsOwner);
    for (const watch of [...this.ownWatches]) watch.check();
  }

  getTarget(): string {
    return this.route.getTarget();
  }

  getConnectivityState(tryToConnect: boolean): connectivityState {
    return this.closed ? connectivityState.SHUTDOWN : this.route.getConnectivityState(tryToConnect);
  }

  watchConnectivityState(
    currentState: connectivityState,
    deadline: Date | number,
    callback: (error?: Error) => void,
  ): void {
    if (this.getConnectivityState(false) === connectivityState.SHUTDOWN) {
      throw new Error('Channel has been shut down');
    }
    const watch = new ConnectivityWatch(this, currentState, deadline, callback, (ended) => {
      this.ownWatches.delete(ended);
      this.route.watches.delete(ended);
    });
    this.ownWatches.add(watch);
    this.route.watches.add(watch);
    watch.check();
  }

  getChannelzRef(): ChannelzRef {
    return this.route.getChannelzRef();
  }

  get underlying(): Channel | undefined {
    return this.route.underlying;
  }

  // For the calls.

  get open(): CallTarget | undefined {
    return this.closed ? undefined : this.route.open;
  }

  get name(): string {
    return this.route.name;
  }

  get retry(): RetryRule | undefined {
    return this.route.retry;
  }

  get streams(): StreamRule | undefined {
    return this.route.streams;
  }

  get meter(): CallMeter | undefined {
    return this.route.meter;
  }

  get turns(): Turns<Waiter> {
    return this.route.turns;
  }

  get holdLimitMs(): number {
    return this.route.holdLimitMs;
  }

  descendant(generation: number, path: string): Endpoint | undefined {
    return this.closed ? undefined : this.route.descendant(generation, path);
  }

  wait(call: Waiter, waitsForReady: boolean): 'held' | StatusObject {
    if (this.closed) return refusalStatus(closedByItsOwner, status.UNAVAILABLE);
    const verdict = this.route.wait(call, waitsForReady);
    if (verdict === 'held') this.heldCalls.add(call);
    return verdict;
  }

  expire(): void {
    this.route.expire();
  }

  forget(call: Waiter): void {
    this.heldCalls.delete(call);
    this.route.forget(call);
  }
}
