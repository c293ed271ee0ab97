import { setTimeout as sleep } from 'node:timers/promises';
import { PluginError } from '@plugd/protocol/plugin-error';
import type { Contract } from '../contract/contract';
import { GenerationContract } from '../contract/generation-contract';
import type { Cause, EmitEvent } from '../events/host-event';
import type { Logger } from '../events/logger';
import type { Instance } from '../instance/instance';
import type { InstanceFactory, RunStep } from '../instance/instance-factory';
import type { PluginSpec } from '../instance/plugin-spec';
import type { DrainResult } from '../routing/endpoint';
import { Generation } from '../routing/generation';
import type { Refusal } from '../routing/refusal';
import { Peers } from './peers';
import { Replica } from './replica';
import { ReplicaWatch, type Trouble, type WatchTools } from './replica-watch';
import type { RestartCounters, RestartReason } from './restart-counters';
import { type InstanceEnd, RestartPlan } from './restart-plan';

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
}

/** A place in a generation: held by one instance after the other. */
interface Slot {
  readonly plan: RestartPlan;
  replica: Replica | undefined;
  watch: ReplicaWatch | undefined;
  /** How its last holder was lost before anybody was to replace it. */
  lossBefore: Loss | undefined;
  /** Why nobody holds it, once it is given up. */
  failure: PluginError | undefined;
  /** The attempt to fill it again, while it is under way. */
  filling: Promise<void> | undefined;
}

/** What was lost, and why somebody else is to take its place. */
interface Loss {
  readonly replica: Replica;
  readonly reason: RestartReason;
  readonly end: InstanceEnd;
  readonly error: PluginError;
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
  readonly #contract: GenerationContract;
  readonly #peers: Peers | undefined;
  readonly #slots: Slot[] = [];
  /** Out of the route, and not ended yet. */
  readonly #leaving = new Map<Replica, Promise<void>>();
  /** The end of everything that crashed instances left, while it is under way. */
  readonly #clearing = new Set<Promise<void>>();
  readonly #ending = new AbortController();
  #onCondition: (condition: Condition) => void = nobodyListens;
  #supervising = false;

  constructor(spec: PluginSpec, number: number, tools: SupervisorTools) {
    this.spec = spec;
    this.generation = new Generation(number);
    this.#tools = tools;
    this.#contract = new GenerationContract(spec.contract.contract);
    // One alone has nobody to be compared with.
    this.#peers = spec.instances > 1 ? new Peers(() => this.contract, tools.emit) : undefined;
  }

  get version(): string {
    return this.spec.version;
  }

  /** What is known of its services now. */
  get contract(): Contract {
    return this.#contract.now;
  }

  /** Those that hold a place, in their order. */
  get replicas(): Replica[] {
    return this.#slots.flatMap(({ replica }) => replica ?? []);
  }

  /** All that live: {@link replicas}, then those that leave. */
  get all(): Replica[] {
    return [...this.replicas, ...this.#leaving.keys()];
  }

  /** The first one: for what any of them can answer. Undefined while none lives. */
  get first(): Replica | undefined {
    return this.replicas[0];
  }

  /** The instance behind an endpoint of its generation. */
  replicaOf(endpoint: Replica['endpoint']): Replica | undefined {
    return this.all.find((replica) => replica.endpoint === endpoint);
  }

  /** Starts all instances. On any failure none is left, and the first failure is thrown. */
  async start(options: { readonly signal: AbortSignal; readonly runStep: RunStep }): Promise<void> {
    const { instances } = this.spec;
    const failed = new AbortController();
    const signal = AbortSignal.any([options.signal, failed.signal]);
    const starts = await Promise.allSettled(
      Array.from({ length: instances }, async (_, index) => {
        // One of them tells of the steps: the others take the same ones at the same time.
        const runStep = index === 0 ? options.runStep : this.#quietStep;
        try {
          return await this.#startOne({ signal, runStep });
        } catch (error) {
          failed.abort(error);
          throw error;
        }
      }),
    );
    const started = starts.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []));
    if (failed.signal.aborted) {
      await Promise.allSettled(started.map((instance) => instance.kill({ reason: 'refused' })));
      throw failed.signal.reason;
    }
    for (const instance of started) this.adopt(instance);
  }

  /** Takes an instance that runs as one of its own. */
  adopt(instance: Instance): void {
    const slot: Slot = {
      plan: new RestartPlan(this.spec.restart),
      replica: undefined,
      watch: undefined,
      lossBefore: undefined,
      failure: undefined,
      filling: undefined,
    };
    this.#slots.push(slot);
    this.#enter(slot, instance);
  }

  /** Another instance of the generation, proved. */
  #startOne(options: { readonly signal: AbortSignal; readonly runStep: RunStep }): Promise<Instance> {
    const { number } = this.generation;
    return this.#tools.factory.start(this.spec, { generation: number, contract: this.#contract, ...options });
  }

  readonly #quietStep: RunStep = async (step, work) => {
    try {
      return await work();
    } catch (error) {
      throw error instanceof PluginError ? error.withFacts({ step }) : error;
    }
  };

  /** From now on its instances serve, and are looked after: to be called when it has come into the route. */
  supervise(onCondition: (condition: Condition) => void, cause: Cause): void {
    this.#onCondition = onCondition;
    this.#supervising = true;
    for (const slot of this.#slots) {
      this.#serve(slot, cause);
      if (slot.lossBefore !== undefined) this.#lost(slot, slot.lossBefore);
    }
  }

  /** What is lost from now on is not replaced: it has left the route, or is about to. May be called again. */
  leave(): void {
    this.#supervising = false;
    this.#onCondition = nobodyListens;
    this.#ending.abort(new PluginError('ABORTED', 'The generation has left the route.'));
    for (const { watch } of this.#slots) watch?.stop();
    this.#peers?.stop();
  }

  /** Lets all calls end that it has, and cuts them at the limit of its options. */
  async drain(cause: Cause, refusal?: Refusal): Promise<DrainResult> {
    this.leave();
    const { drainTimeoutMs } = this.spec;
    const begin = performance.now();
    const results = await Promise.all(
      this.replicas.map((replica) => replica.drain(drainTimeoutMs, cause, refusal)),
    );
    // Those that left before drain by themselves, each with its own limit.
    await Promise.allSettled(this.#leaving.values());
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
    const ends = await Promise.allSettled([
      ...this.replicas.map((replica) => replica.stop(cause)),
      ...this.#slots.map(({ filling }) => filling),
      ...this.#leaving.values(),
      ...this.#clearing,
    ]);
    const failed = ends.find((end) => end.status === 'rejected');
    if (failed) throw failed.reason;
  }

  /** Ends it at once: for one that never served. */
  async kill(cause: Cause): Promise<void> {
    this.leave();
    await Promise.allSettled([
      ...this.replicas.map(({ instance }) => instance.kill(cause)),
      ...this.#clearing,
    ]);
  }

  /** Lets go of its processes without ending them. */
  release(): void {
    this.leave();
    for (const { instance } of this.all) instance.release();
    for (const slot of this.#slots) slot.replica = undefined;
  }

  /** An instance takes its place in the generation. */
  #enter(slot: Slot, instance: Instance): Replica {
    const replica = new Replica(instance, this.spec, this.#peers?.observer(instance.identity.id));
    slot.replica = replica;
    slot.failure = undefined;
    this.generation.add(replica.endpoint);
    instance.onCrash(() => this.#crashed(slot, replica));
    return replica;
  }

  #serve(slot: Slot, cause: Cause): void {
    const { replica } = slot;
    if (replica === undefined || replica.instance.ended) return;
    replica.instance.transition('serving', cause);
    this.#peers?.add(replica);
    slot.watch = new ReplicaWatch(replica, this.#tools, (trouble) => this.#troubled(slot, replica, trouble));
  }

  /** The process of an instance ended although nobody asked it to. */
  #crashed(slot: Slot, replica: Replica): void {
    const { instance } = replica;
    const { launched, identity } = instance;
    const error = launched.error('PLUGIN_EXITED', `Plugin ${identity.plugin} exited while it was in use.`);
    replica.endpoint.lose();
    this.generation.remove(replica.endpoint);
    this.#peers?.remove(replica);
    // Before anybody hears of it, so that a stop from then on waits for it.
    const cleared = this.#clear(replica, error).finally(() => this.#clearing.delete(cleared));
    cleared.catch(() => {});
    this.#clearing.add(cleared);
    instance.fail(error);
    if (slot.replica !== replica) return;
    slot.watch?.stop();
    slot.replica = undefined;
    const { code, signal } = launched.exit ?? { code: null, signal: null };
    this.#lost(slot, { replica, reason: 'crash', end: { kind: 'exited', code, signal }, error });
  }

  /** Logs the last words of a crashed instance, and removes what is left: descendants, sockets, the directory. */
  async #clear({ instance, spec }: Replica, { code, summary }: PluginError): Promise<void> {
    const { logger } = this.#tools;
    // The exit is often known before the last of its output has been read.
    await instance.launched.outputEnded;
    logger.error(summary, { ...instance.origin, ...instance.launched.error(code, summary).facts });
    try {
      await instance.stop(spec.stopTimeoutMs, { reason: 'crash' });
    } catch (left) {
      logger.error('a process could not be ended', { ...instance.origin, error: String(left) });
      throw left;
    }
  }

  /** An instance lives, but not as it should. */
  #troubled(slot: Slot, replica: Replica, trouble: Trouble): void {
    if (slot.replica !== replica || !this.#supervising || replica.instance.ended) return;
    const { reason, error } = trouble;
    const loss: Loss = { replica, reason, end: { kind: 'unhealthy' }, error };
    if (reason === 'limit') {
      if (slot.filling === undefined) this.#fill(slot, this.#renew(slot, loss));
      return;
    }
    slot.watch?.stop();
    slot.replica = undefined;
    replica.endpoint.suspend('unhealthy');
    const cause = { reason, code: error.code, message: error.summary };
    replica.instance.transition('unhealthy', cause);
    this.#dismiss(replica, trouble.answers ? this.spec.drainTimeoutMs : this.spec.stopTimeoutMs, cause);
    this.#lost(slot, loss);
  }

  /** Sends an instance away that lives: it finishes what it has, within the limit, and is ended. */
  #dismiss(replica: Replica, limitMs: number, cause: Cause): void {
    const gone = (async () => {
      this.generation.remove(replica.endpoint);
      this.#peers?.remove(replica);
      await replica.drain(limitMs, cause);
      await replica.stop(cause);
    })()
      .catch((left: unknown) => {
        const { origin } = replica.instance;
        this.#tools.logger.error('a process could not be ended', { ...origin, error: String(left) });
        throw left;
      })
      .finally(() => this.#leaving.delete(replica));
    gone.catch(() => {});
    this.#leaving.set(replica, gone);
  }

  #lost(slot: Slot, loss: Loss): void {
    slot.lossBefore = this.#supervising ? undefined : loss;
    if (!this.#supervising) return;
    this.#tools.counters.lost(loss.reason);
    const before = slot.filling;
    const filling = (async () => {
      // Somebody may be on the way to take the place of one that used too much.
      if (before !== undefined) this.#assess(loss.error);
      await before;
      if (slot.replica === undefined && this.#supervising) await this.#refill(slot, loss);
    })();
    this.#fill(slot, filling);
  }

  #fill(slot: Slot, work: Promise<void>): void {
    const filling = work.finally(() => {
      if (slot.filling === filling) slot.filling = undefined;
    });
    slot.filling = filling;
  }

  /** Puts another instance into the place, for as long as the plan allows. Never rejects. */
  async #refill(slot: Slot, loss: Loss): Promise<void> {
    const { counters } = this.#tools;
    const { signal } = this.#ending;
    const lostAt = performance.now();
    let { end, error } = loss;
    let servedSince: number | undefined = loss.replica.servedSince;
    for (let attempt = 1; ; attempt++) {
      const decision = slot.plan.ended(end, performance.now(), servedSince);
      if (decision.action !== 'restart') {
        slot.failure = decision.action === 'rest' ? error : crashLoop(this.spec, decision.crashes, error);
        counters.gaveUp();
        this.#say('given-up', loss, { attempt, lostAt, error: slot.failure });
        this.#assess();
        return;
      }
      const { afterMs: delayMs } = decision;
      this.#say('scheduled', loss, { attempt, lostAt, delayMs, error });
      this.#assess(error);
      try {
        if (delayMs > 0) await sleep(delayMs, undefined, { signal });
        const instance = await this.#startOne({ signal, runStep: this.#quietStep });
        this.#enter(slot, instance);
        this.#serve(slot, { reason: 'restarted' });
        counters.recovered(performance.now() - lostAt);
        this.#say('done', loss, { attempt, lostAt });
        this.#assess();
        return;
      } catch (failure) {
        if (signal.aborted) return;
        counters.failedStart();
        error = failure instanceof PluginError ? failure : unexpected(failure);
        end = { kind: 'start-failed' };
        servedSince = undefined;
        this.#say('failed', loss, { attempt, lostAt, error });
      }
    }
  }

  /** An upgrade of one instance to itself: nothing is taken from it before another one serves. Never rejects. */
  async #renew(slot: Slot, loss: Loss): Promise<void> {
    const { counters } = this.#tools;
    const { replica, error } = loss;
    const lostAt = performance.now();
    counters.lost('limit');
    this.#say('scheduled', loss, { attempt: 1, lostAt, error });
    try {
      const instance = await this.#startOne({ signal: this.#ending.signal, runStep: this.#quietStep });
      // Also where the old one was lost meanwhile: then it comes just in time.
      slot.watch?.stop();
      this.#enter(slot, instance);
      this.#serve(slot, { reason: 'restarted' });
      counters.recovered(performance.now() - lostAt);
      this.#say('done', loss, { attempt: 1, lostAt });
      if (!replica.instance.ended)
        this.#dismiss(replica, this.spec.drainTimeoutMs, { reason: 'limit', code: error.code });
    } catch (failure) {
      if (this.#ending.signal.aborted) return;
      counters.failedStart();
      const failed = failure instanceof PluginError ? failure : unexpected(failure);
      this.#say('failed', loss, { attempt: 1, lostAt, error: failed });
    }
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

  #say(
    phase: 'scheduled' | 'failed' | 'done' | 'given-up',
    { replica, reason }: Loss,
    about: {
      readonly attempt: number;
      readonly lostAt: number;
      readonly delayMs?: number;
      readonly error?: PluginError;
    },
  ): void {
    const { attempt, lostAt, delayMs = 0, error } = about;
    const { plugin, id: instance, version, generation } = replica.instance.identity;
    const because = error === undefined ? {} : { code: error.code, message: error.summary };
    this.#tools.emit({
      type: 'restart',
      plugin,
      version,
      generation,
      instance,
      phase,
      attempt,
      delayMs,
      elapsedMs: performance.now() - lostAt,
      cause: { reason, ...because },
    });
  }
}

function crashLoop({ name, restart }: PluginSpec, crashes: number, last: PluginError): PluginError {
  const { withinMs } = restart.budget;
  return new PluginError(
    'CRASH_LOOP',
    `Plugin ${name} was lost ${crashes} times within ${withinMs / 1000} s, and is not started again. The last time: ${last.summary}`,
    { facts: { ...last.facts, crashes, withinMs }, cause: last },
  );
}

function unexpected(failure: unknown): PluginError {
  return new PluginError('CONNECT_FAILED', `It could not be started: ${String(failure)}`, { cause: failure });
}
