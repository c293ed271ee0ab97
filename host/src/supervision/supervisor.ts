import { setTimeout as sleep } from 'node:timers/promises';
import { ResourceKind } from '@plugd/protocol/gen/plugd/lifecycle/v1/lifecycle';
import { PluginError } from '@plugd/protocol/plugin-error';
import type { Description } from '../connection/lifecycle';
import type { Contract } from '../contract/contract';
import { GenerationContract } from '../contract/generation-contract';
import type { Cause, EmitEvent } from '../events/host-event';
import type { Logger } from '../events/logger';
import { thrownText } from '../events/thrown-text';
import type { Instance } from '../instance/instance';
import type { InstanceFactory, RunStep } from '../instance/instance-factory';
import type { PluginSpec } from '../instance/plugin-spec';
import { runsAlone } from '../instance/resource-options';
import { joinSignals } from '../launch/join-signals';
import { describeExit } from '../launch/witness';
import type { GenerationResources } from '../resources/generation-resources';
import type { PluginResources, ResourceHolder } from '../resources/plugin-resources';
import type { DrainResult } from '../routing/endpoint';
import { Generation } from '../routing/generation';
import type { Refusal } from '../routing/refusal';
import { beginLife, type KeptState, keepsState } from './begin-life';
import { Departures } from './departures';
import { GenerationStarts, quietStep } from './generation-starts';
import { asPluginError, completeError, crashLoop, type Loss, tellOf } from './loss';
import { Peers } from './peers';
import { replaceLost } from './replace-lost';
import { Replica } from './replica';
import { ReplicaWatch, type Trouble, type WatchTools } from './replica-watch';
import type { RestartCounters } from './restart-counters';
import type { InstanceEnd } from './restart-plan';
import { Slot } from './slot';

/** What a generation is good for. */
export type Condition =
  | { readonly state: 'serving' }
  /** None of its instances can be called, and at least one is being started. */
  | { readonly state: 'restarting'; readonly error: PluginError }
  /** None can be called, and none will be. */
  | { readonly state: 'failed'; readonly error: PluginError };

export interface SupervisorTools extends WatchTools {
  readonly factory: InstanceFactory;
  readonly emit: EmitEvent;
  readonly logger: Logger;
  /** The plugin's, over all its generations. */
  readonly counters: RestartCounters;
  /** What the plugin's generations hold beside memory. */
  readonly resources: PluginResources;
  /** The state to begin with where nobody hands one over, if one is kept that is in one of these schemas. */
  readonly kept: KeptState;
  /** An instance uses too much whose state has to be handed over to whatever takes its place. */
  readonly onOutgrown: (outgrown: Replica, trouble: { readonly aged: boolean }) => void;
}

const nobodyListens = (): void => {};

/**
 * Keeps the instances of one generation at their number: starts them, sees when one is lost or of no use, and puts
 * another in its place, as often as the plugin's options allow.
 */
export class Supervisor {
  readonly spec: PluginSpec;
  readonly generation: Generation;
  readonly #tools: SupervisorTools;
  /** For its instances: one of them is asked, and all have its answer. */
  readonly sharedContract: GenerationContract;
  /** What the host keeps for its instances. */
  readonly sharedResources: GenerationResources;
  readonly #peers: Peers | undefined;
  readonly #slots: Slot[] = [];
  readonly #starts: GenerationStarts;
  readonly #departures = new Departures();
  readonly #ending = new AbortController();
  #description: Description | undefined;
  #onCondition: (condition: Condition) => void = nobodyListens;
  #supervising = false;
  /** How many instances it is to have. */
  #size: number;
  #losses = 0;

  constructor(spec: PluginSpec, number: number, tools: SupervisorTools) {
    this.spec = spec;
    this.#size = spec.instances;
    this.generation = new Generation(number, (error) => this.#observerFailed(error));
    this.#tools = tools;
    this.sharedContract = new GenerationContract(spec.contract.contract);
    this.sharedResources = tools.factory.resourcesFor(spec);
    // One alone has nobody to be compared with.
    this.#starts = new GenerationStarts({
      spec,
      generation: number,
      factory: tools.factory,
      contract: this.sharedContract,
      resources: this.sharedResources,
      kept: tools.kept,
    });
    this.#peers = spec.instances > 1 ? new Peers(() => this.contract, tools.emit) : undefined;
  }

  get version(): string {
    return this.spec.version;
  }

  /** What is known of its services now. */
  get contract(): Contract {
    return this.sharedContract.now;
  }

  /** Those that hold a place, in their order. */
  get replicas(): Replica[] {
    return this.#slots.flatMap(({ replica }) => replica ?? []);
  }

  /** All that live: {@link replicas}, then those that leave. */
  get all(): Replica[] {
    return [...this.replicas, ...this.#departures.replicas];
  }

  /** The first one: for what any of them can answer. Undefined while none lives. */
  get first(): Replica | undefined {
    return this.replicas[0];
  }

  /**
   * Starts its instances. On any failure none is left, and the first failure is thrown.
   *
   * @param options `instances`: how many; default: as many as its options say
   */
  async start(options: {
    readonly signal: AbortSignal;
    readonly runStep: RunStep;
    readonly instances?: number;
  }): Promise<void> {
    const { instances = this.spec.instances } = options;
    this.#size = instances;
    const failed = new AbortController();
    // The plugin's own, which lives as long as it does.
    const { signal, release } = joinSignals([options.signal, failed.signal]);
    const starts = await Promise.allSettled(
      Array.from({ length: instances }, async (_, index) => {
        // One of them tells of the steps: the others take the same ones at the same time.
        const runStep = index === 0 ? options.runStep : quietStep;
        try {
          return await this.#starts.one({ signal, runStep });
        } catch (error) {
          failed.abort(error);
          throw error;
        }
      }),
    );
    release();
    const started = starts.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []));
    if (failed.signal.aborted) {
      await Promise.allSettled(started.map((instance) => instance.kill({ reason: 'refused' })));
      await this.sharedResources.release();
      throw failed.signal.reason;
    }
    for (const instance of started) this.adopt(instance);
  }

  /**
   * Lets its instances begin, where nobody hands anything over to them: with the state that was kept, or anew. Throws
   * PluginError HANDOFF_FAILED.
   *
   * @param kept default: the latest that there is
   */
  async begin(kept: KeptState = this.#tools.kept): Promise<void> {
    await Promise.all(this.replicas.map(({ instance }) => beginLife(instance, kept)));
    this.#tools.resources.take(this.generation.number);
  }

  /** Whether a process of it is there that holds a place. */
  get alive(): boolean {
    return this.replicas.some(({ alive }) => alive);
  }

  /** Whether all of the instances are there that it is to have now. */
  get whole(): boolean {
    return this.pids.length >= this.#size;
  }

  /** How many instances it has, those with it that are being started again. */
  get places(): number {
    return this.#slots.length;
  }

  /** How many instances it has lost since it was made: those that were asked to leave don't count. */
  get losses(): number {
    return this.#losses;
  }

  /** Whether as many instances are there as its options say, however many it was to have lately. */
  get full(): boolean {
    return this.pids.length >= this.spec.instances;
  }

  /** The processes that hold a place. */
  get pids(): number[] {
    return this.replicas.flatMap(({ pid }) => pid ?? []);
  }

  /** What its plugin says of itself; of one that is lost, what it last said. */
  get description(): Description | undefined {
    return this.first?.instance.description ?? this.#description;
  }

  /** Takes an instance that runs as one of its own. */
  adopt(instance: Instance): void {
    const slot = new Slot(this.spec.restart);
    this.#slots.push(slot);
    this.#enter(slot, instance);
  }

  /**
   * Brings the number of its instances to this one, while it serves: more are started, and enter when they are proved; others
   * finish what they have and leave. Throws what the first start throws that fails; the others stay.
   */
  async resize(instances: number, signal: AbortSignal): Promise<void> {
    this.#size = instances;
    const missing = instances - this.#slots.length;
    if (missing < 0) await this.#shrink(-missing);
    else if (missing > 0) await this.#grow(missing, signal);
  }

  async #grow(count: number, given: AbortSignal): Promise<void> {
    const { signal, release } = joinSignals([given, this.#ending.signal]);
    const starts = Array.from({ length: count }, async () => {
      const instance = await this.#starts.begun(signal);
      const slot = new Slot(this.spec.restart);
      this.#slots.push(slot);
      this.#enter(slot, instance);
      this.#serve(slot, { reason: 'resized' });
    });
    const ends = Promise.allSettled(starts);
    // Whoever ends the generation waits for what is still being started.
    void this.#departures.wait(ends.then(() => {}));
    const failed = (await ends).find((start) => start.status === 'rejected');
    release();
    this.#tools.resources.take(this.generation.number);
    if (failed !== undefined) throw failed.reason;
  }

  /** Places without a holder go first, then those that were added last. */
  async #shrink(count: number): Promise<void> {
    const empty = this.#slots.filter(({ replica }) => replica === undefined);
    const held = this.#slots.filter(({ replica }) => replica !== undefined).reverse();
    const gone = [...empty, ...held].slice(0, count).map(async (slot) => {
      this.#slots.splice(this.#slots.indexOf(slot), 1);
      slot.end(new PluginError('ABORTED', 'The generation needs fewer instances.'));
      slot.watch?.stop();
      const { replica, filling = Promise.resolve() } = slot;
      slot.replica = undefined;
      const left = replica && this.#sendAway(replica, 'dismiss', { reason: 'resized' });
      await Promise.allSettled([this.#departures.wait(filling), left]);
    });
    await Promise.allSettled(gone);
  }

  /** From now on its instances serve, and are looked after: to be called when it has come into the route. */
  supervise(onCondition: (condition: Condition) => void, cause: Cause): void {
    this.#onCondition = onCondition;
    this.#supervising = true;
    for (const slot of this.#slots) {
      this.#serve(slot, cause);
      if (slot.lossBefore !== undefined) this.#lost(slot, slot.lossBefore);
    }
    // It may have been given up while nobody heard of it.
    if (this.replicas.length === 0) this.#assess();
  }

  /**
   * Until {@link supervise} is called again nothing is replaced: what is lost meanwhile is then. For a generation that
   * something is done with, and that may go on afterwards.
   */
  freeze(): void {
    this.#supervising = false;
    this.#onCondition = nobodyListens;
    for (const slot of this.#slots) slot.watch?.stop();
    this.#peers?.stop();
  }

  /** What is lost from now on is not replaced: it has left the route, or is about to. May be called again. */
  leave(): void {
    this.freeze();
    const left = new PluginError('ABORTED', 'The generation has left the route.');
    this.#ending.abort(left);
    for (const slot of this.#slots) slot.end(left);
  }

  /**
   * Another generation is started in its place by this work, since it can't go on: tells of what of its own was lost while it
   * was frozen. Throws what the work throws.
   */
  async replacedBy(work: () => Promise<void>): Promise<void> {
    const losses = this.#slots.flatMap(({ lossBefore }) => lossBefore ?? []);
    await replaceLost(losses, this.#tools, work);
  }

  /** Lets all calls end that it has, and cuts them at the limit of its options. */
  async drain(cause: Cause, refusal?: Refusal): Promise<DrainResult> {
    this.leave();
    const freed = this.#tools.resources.switchedFrom(this.generation.number, this.#holders);
    const { drainTimeoutMs } = this.spec;
    const begin = performance.now();
    const results = await Promise.all(
      this.replicas.map((replica) => replica.drain(drainTimeoutMs, cause, refusal)),
    );
    // Those that left before drain by themselves, each with its own limit.
    await Promise.allSettled([...this.#departures.work, freed]);
    const sum = (of: (result: DrainResult) => number) => results.reduce((all, one) => all + of(one), 0);
    return {
      drained: sum(({ drained }) => drained),
      cut: sum(({ cut }) => cut),
      elapsedMs: performance.now() - begin,
    };
  }

  /** Ends all of its processes, and waits until nothing of them is left. Throws PluginError STOP_FAILED. */
  async stop(cause: Cause): Promise<void> {
    this.leave();
    await this.#tools.resources.leave(this.generation.number, this.#holders);
    const ends = await Promise.allSettled([
      ...this.replicas.map((replica) => replica.stop(cause)),
      ...this.#slots.map(({ filling }) => filling),
      ...this.#departures.work,
    ]);
    await this.#ended();
    const failed = ends.find((end) => end.status === 'rejected');
    if (failed) throw failed.reason;
  }

  /** Ends it at once: for one that never served. */
  async kill(cause: Cause): Promise<void> {
    this.leave();
    await Promise.allSettled([
      ...this.replicas.map(({ instance }) => instance.kill(cause)),
      ...this.#slots.map(({ filling }) => filling),
      ...this.#departures.work,
    ]);
    await this.#ended();
  }

  async #ended(): Promise<void> {
    this.#tools.resources.gone(this.generation.number);
    await this.sharedResources.release();
  }

  /** Its processes, to be told what they are to let go of. */
  get #holders(): ResourceHolder[] {
    const timeoutMs = this.spec.stopTimeoutMs;
    return this.replicas.map(({ instance }) => ({
      release: (names) => instance.connection.lifecycle.release(names, { timeoutMs }),
    }));
  }

  /** Lets go of its processes without ending them. */
  release(): void {
    this.leave();
    void this.sharedResources.abandon();
    for (const { instance } of this.all) instance.release();
    for (const slot of this.#slots) slot.replica = undefined;
  }

  /** An instance takes its place in the generation. */
  #enter(slot: Slot, instance: Instance): Replica {
    const replica = new Replica(instance, this.spec);
    if (this.#peers !== undefined) replica.endpoint.observe(this.#peers.observer(replica.id));
    slot.replica = replica;
    slot.failure = undefined;
    this.#description = instance.description;
    this.#tools.resources.enter(this.generation.number, instance.description);
    this.generation.add(replica.endpoint);
    instance.onCrash(() => this.#crashed(slot, replica));
    return replica;
  }

  /** Whoever watches its calls, an upgrade's strategy for one, has thrown. */
  #observerFailed(error: unknown): void {
    const { spec, version } = this;
    const { number: generation } = this.generation;
    const fields = { plugin: spec.name, version, generation, error: thrownText(error) };
    this.#tools.logger.error('an observer of calls threw', fields);
  }

  #serve(slot: Slot, cause: Cause): void {
    const { replica } = slot;
    if (replica === undefined || replica.instance.ended) return;
    if (replica.instance.state !== 'serving') replica.instance.transition('serving', cause);
    slot.watch?.stop();
    // It has come up while something is done with its generation: that ends with supervising it again, or for good.
    if (!this.#supervising) return;
    this.#peers?.add(replica);
    slot.watch = new ReplicaWatch(replica, this.#tools, (trouble) => this.#troubled(slot, replica, trouble));
  }

  /** The process of an instance ended although nobody asked it to. */
  #crashed(slot: Slot, replica: Replica): void {
    const { instance } = replica;
    const { launched, identity } = instance;
    const how = launched.exit === undefined ? 'in an unknown way' : `with ${describeExit(launched.exit)}`;
    const summary = `Plugin ${identity.plugin} ended ${how} while it was in use.`;
    const error = launched.error('PLUGIN_EXITED', summary);
    replica.endpoint.lose();
    this.generation.remove(replica.endpoint);
    this.#peers?.remove(replica);
    // Before anybody hears of it, so that a stop from then on waits for it.
    this.#departures.wait(replica.clear(error, this.#tools.logger));
    instance.fail(error);
    if (slot.replica !== replica) return;
    slot.watch?.stop();
    slot.replica = undefined;
    // What it had, the system has taken back, or nobody has.
    if (this.all.length === 0) this.#tools.resources.gone(this.generation.number);
    const { code, signal } = launched.exit ?? { code: null, signal: null };
    const end: InstanceEnd = { kind: 'exited', code, signal };
    this.#lost(slot, { replica, reason: 'crash', end, error, at: performance.now() });
  }

  /** An instance lives, but not as it should. */
  #troubled(slot: Slot, replica: Replica, trouble: Trouble): void {
    if (slot.replica !== replica || !this.#supervising || replica.instance.ended) return;
    const { reason, error } = trouble;
    const loss: Loss = { replica, reason, end: { kind: 'unhealthy' }, error, at: performance.now() };
    if (reason === 'limit') {
      if (this.#keepsState) this.#tools.onOutgrown(replica, trouble);
      else if (slot.takeRenewal(loss.at, trouble)) slot.fill(this.#renew(slot, loss));
      return;
    }
    slot.watch?.stop();
    slot.replica = undefined;
    replica.endpoint.suspend('unhealthy');
    const cause = { reason, code: error.code, message: error.summary };
    replica.instance.transition('unhealthy', cause);
    this.#sendAway(replica, trouble.answers ? 'dismiss' : 'abandon', cause);
    this.#lost(slot, loss);
  }

  /** Whether what takes an instance's place can't be started beside it. */
  get #runsAlone(): boolean {
    const { single = false, resources = [] } = this.description ?? {};
    const exclusive = resources.some(({ kind }) => kind === ResourceKind.RESOURCE_KIND_EXCLUSIVE);
    return single || exclusive || runsAlone(this.spec);
  }

  /** Whether what takes an instance's place has to be given something by it. */
  get #keepsState(): boolean {
    const { description, spec } = this;
    if (runsAlone(spec)) return true;
    return description !== undefined && (keepsState(description) || description.single);
  }

  /** Sends an instance away that lives. What it resolves with need not be waited for. */
  #sendAway(replica: Replica, how: 'dismiss' | 'abandon', cause: Cause): Promise<void> {
    this.generation.remove(replica.endpoint);
    this.#peers?.remove(replica);
    return this.#departures.add(replica, replica[how](cause, this.#tools.logger));
  }

  #lost(slot: Slot, loss: Loss): void {
    // What was asked to leave is missed by nobody.
    if (this.#ending.signal.aborted) return;
    if (slot.lossBefore !== loss) {
      // When it happens: while the generation is frozen nobody knows who will take its place, if anybody does.
      this.#losses++;
      this.#tools.counters.lost(loss.reason);
    }
    slot.lossBefore = this.#supervising ? undefined : loss;
    if (!this.#supervising) return;
    const before = slot.filling;
    const filling = (async () => {
      // Somebody may be on the way to take the place of one that used too much.
      if (before !== undefined) this.#assess(loss.error);
      await before;
      if (slot.replica !== undefined) return;
      if (this.#supervising) await this.#refill(slot, loss);
      else slot.lossBefore = loss;
    })();
    slot.fill(filling);
  }

  /** Puts another instance into the place, for as long as the plan allows. Never rejects. */
  async #refill(slot: Slot, loss: Loss): Promise<void> {
    const { counters, emit } = this.#tools;
    const { signal } = slot;
    let { end, error } = loss;
    let servedSince: number | undefined = loss.replica.servedSince;
    for (let attempt = 1; ; attempt++) {
      const decision = slot.plan.ended(end, performance.now(), servedSince);
      if (decision.action !== 'restart') {
        if (end.kind === 'exited') error = await completeError(loss);
        if (signal.aborted) return;
        slot.failure = decision.action === 'rest' ? error : crashLoop(this.spec, decision.crashes, error);
        counters.gaveUp();
        tellOf(loss, emit, { phase: 'given-up', attempt, error: slot.failure });
        this.#assess();
        return;
      }
      const { afterMs: delayMs } = decision;
      tellOf(loss, emit, { phase: 'scheduled', attempt, delayMs, error });
      this.#assess(error);
      try {
        // Two can't have the same: what was sent away has to be gone.
        if (this.#runsAlone) await Promise.allSettled(this.#departures.work);
        if (delayMs > 0) await sleep(delayMs, undefined, { signal });
        await this.#replace(slot, loss, attempt);
        return;
      } catch (failure) {
        if (signal.aborted) return;
        counters.failedStart();
        error = asPluginError(failure);
        end = { kind: 'start-failed' };
        servedSince = undefined;
        tellOf(loss, emit, { phase: 'failed', attempt, error });
      }
    }
  }

  /** An upgrade of one instance to itself: nothing is taken from it before another one serves. Never rejects. */
  async #renew(slot: Slot, loss: Loss): Promise<void> {
    const { counters, emit } = this.#tools;
    const { replica, error } = loss;
    counters.lost('limit');
    tellOf(loss, emit, { phase: 'scheduled', attempt: 1, error });
    try {
      // Also where it is lost meanwhile: then another one comes just in time.
      await this.#replace(slot, loss, 1);
      // It may have fallen ill meanwhile, and be on its way.
      if (!replica.instance.ended && !this.#departures.has(replica))
        this.#sendAway(replica, 'dismiss', { reason: 'limit', code: error.code });
    } catch (failure) {
      if (slot.signal.aborted) return;
      counters.failedStart();
      tellOf(loss, emit, { phase: 'failed', attempt: 1, error: asPluginError(failure) });
    }
  }

  /** Starts another instance for the place of one that was lost. Throws what its start throws. */
  async #replace(slot: Slot, loss: Loss, attempt: number): Promise<void> {
    const { counters, emit } = this.#tools;
    const instance = await this.#starts.begun(slot.signal);
    slot.watch?.stop();
    this.#enter(slot, instance);
    this.#tools.resources.take(this.generation.number);
    this.#serve(slot, { reason: 'restarted' });
    counters.recovered(performance.now() - loss.at);
    tellOf(loss, emit, { phase: 'done', attempt });
    this.#assess();
  }

  /** Says what the generation is good for now. */
  #assess(error?: PluginError): void {
    if (!this.#supervising) return;
    if (this.replicas.length > 0) {
      this.#onCondition({ state: 'serving' });
      return;
    }
    const failures = this.#slots.map(({ failure }) => failure);
    const failure = failures.findLast((one) => one !== undefined);
    if (failure !== undefined && failures.every((one) => one !== undefined)) {
      this.#onCondition({ state: 'failed', error: failure });
    } else {
      const last = error ?? failure;
      if (last !== undefined) this.#onCondition({ state: 'restarting', error: last });
    }
  }
}
