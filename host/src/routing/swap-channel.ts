import { connectivityState, status } from '@grpc/grpc-js';
import { PluginError } from '@plugd/protocol/plugin-error';
import type { CallMeter, CallMeters } from './call-meter';
import type { CallTarget } from './call-target';
import type { ConnectivityWatch } from './connectivity-watch';
import { type CallFilter, Endpoint } from './endpoint';
import { Facade, type Route } from './facade';
import { Generation } from './generation';
import type { Channel, ChannelzRef, StatusObject } from './grpc-call';
import { heldTooLong } from './held-start';
import { currentLineage } from './lineage';
import { type Refusal, refusalStatus } from './refusal';
import type { RetryRule } from './replay';
import { Split, type SplitRule } from './split';
import type { StreamRule } from './stream-rule';
import type { CallTap } from './tap';
import { Turns } from './turns';
import type { Waiter } from './waiter';

export interface SwapChannelOptions {
  /** The plugin's name, for messages. */
  readonly name: string;
  /** How many calls may be held at a time; one more is refused with RESOURCE_EXHAUSTED. Default 1000. */
  readonly maxHeld?: number;
  /** How long a call may be held, in milliseconds; then it fails with UNAVAILABLE. Default 2000. */
  readonly holdLimitMs?: number;
  /**
   * Which calls may be begun anew when the connection under them is lost; undefined: none is, and a lost connection is
   * the owner's to notice. Whoever gives it has to {@link Endpoint.suspend} lost endpoints, and to resume, replace
   * or {@link down} them.
   */
  readonly retry?: RetryRule;
  /** What becomes of streams whose endpoint leaves; undefined: they end with it. Needs `retry`. */
  readonly streams?: StreamRule;
  /** Who hears of calls; undefined: nobody does. */
  readonly meters?: CallMeters | undefined;
}

/** What a swap puts into the route, where it is one channel and not a {@link Generation}. */
export interface SwapTarget {
  readonly number: number;
  /** Should be READY, else the first calls wait for it to connect. Stays its owner's, who closes it. */
  readonly channel: Channel;
}

/** What of held calls can be counted. */
export interface HoldStatistics {
  /** Calls that wait now. */
  readonly held: number;
  /** Calls that had to wait, since the beginning. */
  readonly heldEver: number;
  /** The most that have waited at a time. */
  readonly heldMost: number;
  /** Calls that were refused because too many waited already. */
  readonly refused: number;
  /** Calls that waited until their deadline or the longest hold was over, and failed. */
  readonly expired: number;
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
  holdLimitMs: number;
  /** Those who wait for the state of the connection to change. */
  readonly watches = new Set<ConnectivityWatch>();
  tap: CallTap | undefined;
  /** Where new calls go right now: the one field that stands on the path of a call. */
  open: CallTarget | undefined;
  readonly retry: RetryRule | undefined;
  readonly streams: StreamRule | undefined;
  readonly turns = new Turns<Waiter>(() => this.settle());
  private readonly meters: CallMeters | undefined;
  private readonly ownMeter: CallMeter = (...call) => this.meters?.all?.(this.name, ...call);
  private maxHeld: number;
  private readonly waiters = new Set<Waiter>();
  private inRoute: Generation | undefined;
  private latest: Generation | undefined;
  /** On trial in the route, beside the one that is there. */
  private newcomer: { readonly generation: Generation; readonly rule: SplitRule } | undefined;
  /** Those that left the route while calls of theirs went on: for the calls that descend from these. */
  private leaving: Generation[] = [];
  private holds = 0;
  /** A generation that stands still, and which calls it would not do. */
  private still: { readonly generation: Generation; readonly calls: CallFilter } | undefined;
  private heldEver = 0;
  private heldMost = 0;
  private refused = 0;
  private expired = 0;
  private outage: Refusal;
  private closedBy: Refusal | undefined;

  constructor(options: SwapChannelOptions) {
    this.name = options.name;
    this.maxHeld = options.maxHeld ?? 1000;
    this.holdLimitMs = options.holdLimitMs ?? 2000;
    this.retry = options.retry;
    this.streams = options.streams;
    this.meters = options.meters;
    this.outage = { code: 'ROUTE_EMPTY', details: `Plugin ${this.name} has not been started yet` };
  }

  /** The generation that new calls go to, or will go to when a hold ends; undefined while the route is down. */
  get current(): Generation | undefined {
    return this.inRoute;
  }

  get meter(): CallMeter | undefined {
    return this.meters?.all === undefined ? undefined : this.ownMeter;
  }

  /** How many calls wait. */
  get heldCount(): number {
    return this.waiters.size;
  }

  get holdStatistics(): HoldStatistics {
    const { heldEver, heldMost, refused, expired } = this;
    return { held: this.waiters.size, heldEver, heldMost, refused, expired };
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
  swap(target: SwapTarget | Generation): { generation: Generation; previous: Generation | undefined } {
    if (this.closedBy !== undefined) throw this.isClosed();
    const previous = this.inRoute;
    if (this.newcomer?.generation === target) this.newcomer = undefined;
    const generation = target instanceof Generation ? target : generationOf(target);
    if (previous !== generation) {
      this.leave();
      generation.watch(() => this.settle());
    }
    this.inRoute = generation;
    this.latest = generation;
    this.settle();
    return { generation, previous };
  }

  /**
   * Sends a part of the new calls to another generation, beside the one that is in the route; called again it changes the part.
   * While there is none in the route calls wait, or are refused, as ever: what is on trial does not stand in for it.
   *
   * @throws PluginError ROUTE_CLOSED
   */
  share(newcomer: Generation, rule: SplitRule): void {
    if (this.closedBy !== undefined) throw this.isClosed();
    if (this.newcomer?.generation !== newcomer) {
      this.unshare();
      newcomer.watch(() => this.settle());
    }
    this.newcomer = { generation: newcomer, rule };
    this.settle();
  }

  /** Ends {@link share}: what was on trial keeps the calls that it has. */
  unshare(): void {
    const { newcomer } = this;
    if (newcomer === undefined) return;
    this.newcomer = undefined;
    this.leaves(newcomer.generation);
    this.settle();
  }

  /** Takes the generation out of the route, with nothing to put in its place. */
  down(reason: Refusal): void {
    this.leave();
    this.outage = reason;
    this.settle();
  }

  /** Sets both limits anew, for calls that begin to wait from now on. */
  limitHolds(limits: { readonly holdLimitMs: number; readonly maxHeld: number }): void {
    this.holdLimitMs = limits.holdLimitMs;
    this.maxHeld = limits.maxHeld;
  }

  /** From now on new calls wait. Holds add up: each needs its {@link release}. */
  hold(): void {
    this.holds++;
    this.settle();
  }

  /**
   * While the route is held: from now on such calls wait, or go where the route leads, even if they descend from a call
   * in flight on this generation. It is about to stand still, and would not do them.
   */
  standStill(generation: Generation, calls: CallFilter): void {
    this.still = { generation, calls };
  }

  /** Ends a hold. With the last one all calls that wait go, in their order, where the route then leads. */
  release(): void {
    if (this.holds === 0) return;
    this.holds--;
    // What is in the route now goes on; what left it stands still to its end.
    if (this.holds === 0 && this.still?.generation === this.inRoute) this.still = undefined;
    this.settle();
  }

  /** Ends the route: calls that wait and new ones fail with UNAVAILABLE. Calls that run go on. */
  close(reason?: Refusal): void {
    if (this.closedBy !== undefined) return;
    this.closedBy = reason ?? { code: 'ROUTE_CLOSED', details: `Plugin ${this.name} has been stopped` };
    this.unshare();
    this.leave();
    this.settle();
  }

  /** What is in the route leaves it. */
  private leave(): void {
    const left = this.inRoute;
    this.inRoute = undefined;
    if (left !== undefined) this.leaves(left);
  }

  private leaves(left: Generation): void {
    left.watch(undefined);
    this.leaving = this.leaving.filter(({ inFlight }) => inFlight > 0);
    this.leaving.push(left);
  }

  private isClosed(): PluginError {
    return new PluginError('ROUTE_CLOSED', `The route of plugin ${this.name} has been closed.`);
  }

  /**
   * Where a call goes that descends from a call in flight on the generation of this number: there, as long as it has
   * calls, whether the route is held or leads elsewhere. Else the two would wait for each other.
   *
   * @param path undefined for work that may be any number of calls
   */
  descendant(generation: number, path: string | undefined): Endpoint | undefined {
    const known = [this.inRoute ?? [], this.newcomer?.generation ?? [], this.leaving].flat();
    // A root is a call in flight: who names a generation without any is mistaken, or lies.
    const root = known.find(({ number, inFlight }) => number === generation && inFlight > 0);
    if (root === undefined || (this.still?.generation === root && this.still.calls(path))) return undefined;
    return root.pick();
  }

  /** Brings everything that depends on the state in line with it, after each change. */
  private settle(): void {
    this.open = this.target();
    for (const waiter of [...this.waiters]) this.settleWaiter(waiter);
    for (const watch of [...this.watches]) watch.check();
  }

  private target(): CallTarget | undefined {
    const { inRoute, newcomer } = this;
    if (this.holds > 0 || this.closedBy !== undefined) return undefined;
    // What has all new calls needs nobody beside it.
    if (newcomer?.generation.ready === true && newcomer.rule.share >= 1) return newcomer.generation;
    if (inRoute?.ready !== true) return undefined;
    return newcomer?.generation.ready === true
      ? new Split(inRoute, newcomer.generation, newcomer.rule)
      : inRoute;
  }

  private settleWaiter(waiter: Waiter): void {
    const endpoint = this.open?.pick(waiter.metadata);
    if (endpoint !== undefined) {
      if (!waiter.takesTurns || this.turns.take(waiter)) waiter.release(endpoint);
      return;
    }
    const refusal = this.refusal(waiter.waitsForReady);
    if (refusal !== undefined) waiter.refuse(refusal);
  }

  /** Why nobody needs to wait: undefined while the route may lead somewhere again. */
  private refusal(waitsForReady: boolean): Refusal | undefined {
    if (this.closedBy !== undefined) return this.closedBy;
    // Held, or in the route with all its endpoints suspended: something comes.
    if (this.holds > 0 || this.inRoute !== undefined || waitsForReady) return undefined;
    return this.outage;
  }

  wait(waiter: Waiter, waitsForReady: boolean): 'held' | StatusObject {
    const refused = this.admit(waiter, waitsForReady);
    return refused === undefined ? 'held' : refusalStatus(refused.refusal, refused.code);
  }

  private admit(waiter: Waiter, waitsForReady: boolean): { refusal: Refusal; code: status } | undefined {
    const refusal = this.refusal(waitsForReady);
    if (refusal !== undefined) return { refusal, code: status.UNAVAILABLE };
    if (this.waiters.size >= this.maxHeld) {
      this.refused++;
      const details = `${this.maxHeld} calls wait for plugin ${this.name} already`;
      return { refusal: { code: 'HELD_TOO_MANY', details }, code: status.RESOURCE_EXHAUSTED };
    }
    this.waiters.add(waiter);
    this.heldEver++;
    this.heldMost = Math.max(this.heldMost, this.waiters.size);
    return undefined;
  }

  /**
   * Where a call would go now, for work that is not a call; waits as a call would.
   *
   * @throws PluginError with the code that a call would end with.
   */
  async reserve(): Promise<Endpoint> {
    const lineage = currentLineage()?.generationOf(this.name);
    const now =
      (lineage === undefined ? undefined : this.descendant(lineage, undefined)) ?? this.open?.pick();
    if (now !== undefined) return now;
    const since = performance.now();
    return new Promise((resolve, reject) => {
      const end = (refusal: Refusal): void => {
        clearTimeout(timer);
        this.forget(waiter);
        reject(new PluginError(refusal.code, `${refusal.details}.`));
      };
      const waiter: Waiter = {
        waitsForReady: false,
        metadata: undefined,
        takesTurns: false,
        release: (endpoint) => {
          clearTimeout(timer);
          this.forget(waiter);
          endpoint.waited(performance.now() - since);
          resolve(endpoint);
        },
        refuse: end,
      };
      const timer = setTimeout(() => {
        this.expire();
        end(heldTooLong(this.holdLimitMs));
      }, this.holdLimitMs);
      const refused = this.admit(waiter, false);
      if (refused !== undefined) end(refused.refusal);
    });
  }

  expire(): void {
    this.expired++;
  }

  forget(waiter: Waiter): void {
    this.waiters.delete(waiter);
  }

  /** The real channel whose state is the route's: that of an endpoint that takes calls, where there is one. */
  get underlying(): Channel | undefined {
    const endpoints = this.inRoute?.endpoints ?? [];
    return (endpoints.find(({ suspended }) => !suspended) ?? endpoints[0])?.channel;
  }

  getTarget(): string {
    return this.underlying?.getTarget() ?? `plugin:${this.name}`;
  }

  getConnectivityState(tryToConnect: boolean): connectivityState {
    if (this.closedBy !== undefined) return connectivityState.SHUTDOWN;
    const state = this.underlying?.getConnectivityState(tryToConnect);
    // The real channel's end is not the route's: another one will come.
    return state === undefined || state === connectivityState.SHUTDOWN
      ? connectivityState.TRANSIENT_FAILURE
      : state;
  }

  getChannelzRef(): ChannelzRef {
    const channel = this.underlying ?? this.latest?.endpoints[0]?.channel;
    if (channel === undefined) {
      throw new PluginError('ROUTE_EMPTY', `Plugin ${this.name} has no channel.`);
    }
    return channel.getChannelzRef();
  }
}

/** A generation of one endpoint. */
function generationOf({ number, channel }: SwapTarget): Generation {
  const generation = new Generation(number);
  generation.add(new Endpoint(number, channel));
  return generation;
}
