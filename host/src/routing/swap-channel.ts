import { connectivityState, status } from '@grpc/grpc-js';
import { PluginError } from '@plugd/protocol/plugin-error';
import type { ConnectivityWatch } from './connectivity-watch';
import { Facade, type Route } from './facade';
import { Generation } from './generation';
import type { Channel, ChannelzRef, StatusObject } from './grpc-call';
import { type Refusal, refusalStatus } from './refusal';
import type { SwapCall } from './swap-call';

export interface SwapChannelOptions {
  /** The plugin's name, for messages. */
  readonly name: string;
  /** How many calls may be held at a time; one more is refused with RESOURCE_EXHAUSTED. Default 1000. */
  readonly maxHeld?: number;
  /** How long a call may be held, in milliseconds; then it fails with UNAVAILABLE. Default 2000. */
  readonly holdLimitMs?: number;
}

/** What a swap puts into the route: a new generation, or one that was there before. */
export interface SwapTarget {
  readonly number: number;
  /** Should be READY, else the first calls wait for it to connect. Stays its owner's, who closes it. */
  readonly channel: Channel;
}

/**
 * The one seam between calls and plugins: channels made once by {@link facade} stay valid while the generation
 * behind them is swapped.
 *
 * A call belongs to the generation that is in the route when it starts, to its end. When the route is held,
 * calls wait; when it is down, they fail with UNAVAILABLE and the code of the reason, and only those wait that
 * asked to (`waitForReady`). Before the first swap the route is down.
 */
export class SwapChannel implements Route {
  readonly name: string;
  /** See {@link SwapChannelOptions}. */
  readonly holdLimitMs: number;
  /** Those who wait for the state of the connection to change. */
  readonly watches = new Set<ConnectivityWatch>();
  /** Where new calls go right now: the one field that stands on the path of a call. */
  open: Generation | undefined;
  private readonly maxHeld: number;
  private readonly heldCalls = new Set<SwapCall>();
  private inRoute: Generation | undefined;
  private latest: Generation | undefined;
  private holds = 0;
  private outage: Refusal;
  private closedBy: Refusal | undefined;

  constructor(options: SwapChannelOptions) {
    this.name = options.name;
    this.maxHeld = options.maxHeld ?? 1000;
    this.holdLimitMs = options.holdLimitMs ?? 2000;
    this.outage = { code: 'ROUTE_EMPTY', details: `Plugin ${this.name} has not been started yet` };
  }

  /** The generation that new calls go to, or will go to when a hold ends; undefined while the route is down. */
  get current(): Generation | undefined {
    return this.inRoute;
  }

  /** How many calls wait. */
  get heldCount(): number {
    return this.heldCalls.size;
  }

  /** A channel for one stub or client, which may close it. */
  facade(): Channel {
    return new Facade(this);
  }

  /**
   * Puts a generation into the route: a call that starts after this has returned goes to it. What was in the
   * route before keeps the calls that it has; draining it and closing its channel is the caller's part.
   *
   * @throws PluginError ROUTE_CLOSED
   */
  swap(target: SwapTarget): { generation: Generation; previous: Generation | undefined } {
    if (this.closedBy !== undefined) {
      throw new PluginError('ROUTE_CLOSED', `The route of plugin ${this.name} has been closed.`);
    }
    const previous = this.inRoute;
    const generation = target instanceof Generation ? target : new Generation(target.number, target.channel);
    this.inRoute = generation;
    this.latest = generation;
    this.settle();
    return { generation, previous };
  }

  /** Takes the generation out of the route, with nothing to put in its place. */
  down(reason: Refusal): void {
    this.inRoute = undefined;
    this.outage = reason;
    this.settle();
  }

  /** From now on new calls wait. Holds add up: each needs its {@link release}. */
  hold(): void {
    this.holds++;
    this.settle();
  }

  /** Ends a hold. With the last one all calls that wait go, in their order, where the route then leads. */
  release(): void {
    if (this.holds === 0) return;
    this.holds--;
    this.settle();
  }

  /** Ends the route: calls that wait and new ones fail with UNAVAILABLE. Calls that run go on. */
  close(reason?: Refusal): void {
    if (this.closedBy !== undefined) return;
    this.closedBy = reason ?? { code: 'ROUTE_CLOSED', details: `Plugin ${this.name} has been stopped` };
    this.inRoute = undefined;
    this.settle();
  }

  /** Brings everything that depends on the state in line with it, after each change. */
  private settle(): void {
    this.open = this.holds > 0 || this.closedBy !== undefined ? undefined : this.inRoute;
    for (const call of [...this.heldCalls]) this.settleCall(call);
    for (const watch of [...this.watches]) watch.check();
  }

  private settleCall(call: SwapCall): void {
    const refusal = this.closedBy ?? (call.waitsForReady ? undefined : this.outage);
    if (this.open !== undefined) {
      call.release(this.open);
    } else if (refusal !== undefined && (this.holds === 0 || this.closedBy !== undefined)) {
      call.refuse(refusal);
    }
  }

  wait(call: SwapCall, waitsForReady: boolean): 'held' | StatusObject {
    if (this.closedBy !== undefined) return refusalStatus(this.closedBy);
    if (this.holds === 0 && !waitsForReady) return refusalStatus(this.outage);
    if (this.heldCalls.size >= this.maxHeld) {
      return refusalStatus(
        { code: 'HELD_TOO_MANY', details: `${this.maxHeld} calls wait for plugin ${this.name} already` },
        status.RESOURCE_EXHAUSTED,
      );
    }
    this.heldCalls.add(call);
    return 'held';
  }

  forget(call: SwapCall): void {
    this.heldCalls.delete(call);
  }

  getTarget(): string {
    return this.inRoute?.channel.getTarget() ?? `plugin:${this.name}`;
  }

  getConnectivityState(tryToConnect: boolean): connectivityState {
    if (this.closedBy !== undefined) return connectivityState.SHUTDOWN;
    const state = this.inRoute?.channel.getConnectivityState(tryToConnect);
    // The real channel's end is not the route's: another one will come.
    return state === undefined || state === connectivityState.SHUTDOWN
      ? connectivityState.TRANSIENT_FAILURE
      : state;
  }

  getChannelzRef(): ChannelzRef {
    if (this.latest === undefined) {
      throw new PluginError('ROUTE_EMPTY', `Plugin ${this.name} has never had a channel.`);
    }
    return this.latest.channel.getChannelzRef();
  }
}
