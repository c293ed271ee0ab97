import type { Client } from '@grpc/grpc-js';
import { PluginError } from '@plugd/protocol/plugin-error';
import type { PromiseClient } from '@plugd/protocol/rpc/client';
import type { AnyServiceDefinition } from '@plugd/protocol/rpc/definition';
import type { Contract } from './contract/contract';
import { errorCause } from './events/error-cause';
import type { Cause, PluginState } from './events/host-event';
import { attachFirst, attachFirstByLine, type FirstGenerationTools, startFirst } from './first-generation';
import type { HostStore } from './host-store';
import type { MissingOption } from './instance/attach-options';
import type { LoadOptions } from './instance/load-options';
import { ownOptions, type PluginSpec, resolveSpec } from './instance/plugin-spec';
import { defaultHold, type RestartStrategy } from './instance/restart-options';
import type { InstanceRecord, KeyedCertificate } from './launch/instance-record';
import type { ReattachLine } from './launch/reattach-line';
import { LiveGenerations } from './live-generations';
import { OptionHistory } from './option-history';
import { runPinned } from './pinned-scope';
import type { HandedOver, PinnedScope, Plugin } from './plugin';
import { PluginOperations, type PluginOperationsTools, type PrepareUpgrade } from './plugin-operations';
import { recoverPlugin } from './plugin-recovery';
import type { PluginStatistics } from './plugin-snapshot';
import type { PluginStatus } from './plugin-status';
import { PluginResources } from './resources/plugin-resources';
import type { CallMeters } from './routing/call-meter';
import type { CallFilter } from './routing/endpoint';
import type { Channel } from './routing/grpc-call';
import { RouteCalls } from './routing/route-calls';
import type { SplitRule } from './routing/split';
import type { StubConstructor, StubOptions } from './routing/stub';
import { type HoldStatistics, SwapChannel } from './routing/swap-channel';
import type { CallTap } from './routing/tap';
import type { Snapshot } from './state/snapshot';
import type { KeepOptions } from './state/snapshot-store';
import type { KeptState } from './supervision/begin-life';
import { ContractRetry } from './supervision/contract-retry';
import { ContractStreams } from './supervision/contract-streams';
import { inFull } from './supervision/loss';
import { PeriodicSnapshots } from './supervision/periodic-snapshots';
import { RenewalPace } from './supervision/renewal-pace';
import type { Replica } from './supervision/replica';
import { RestartCounters } from './supervision/restart-counters';
import { type Condition, Supervisor, type SupervisorTools } from './supervision/supervisor';
import type { OperationHandle } from './upgrade/operation-handle';
import { OperationQueue } from './upgrade/operation-queue';
import type { OperationTarget } from './upgrade/operation-target';
import type { RollbackOptions, RollbackPlan, UpgradeOptions } from './upgrade/upgrade-options';
import type { InstanceCheck } from './upgrade/verify';

/** What a plugin needs of its host. */
export type PluginSurroundings = Omit<SupervisorTools, 'counters' | 'resources' | 'kept' | 'onOutgrown'> & {
  /** Private to the host. */
  readonly directory: string;
  /** In the environment of all of the host's plugins: by it a later host finds what this one left. */
  readonly token: string;
  readonly store: HostStore;
  readonly meters?: CallMeters;
  /** See {@link PluginOperationsTools}. */
  readonly memoryBudget: PluginOperationsTools['memoryBudget'];
  /** Told when an instance has taken the place of one that was lost. */
  readonly onRestarted: (plugin: ManagedPlugin) => void;
  readonly onOperation: PluginOperationsTools['onOperation'];
};

/** The plugin behind the {@link Plugin} that applications see: also what its host and its operations do with it. */
export class ManagedPlugin implements Plugin, OperationTarget {
  readonly name: string;
  readonly #surroundings: PluginSurroundings;
  readonly #route: SwapChannel;
  readonly #calls: RouteCalls;
  readonly #queue: OperationQueue;
  readonly #counters = new RestartCounters();
  readonly #resources: PluginResources;
  readonly #ending = new AbortController();
  readonly #live = new LiveGenerations();
  readonly #operations: PluginOperations;
  readonly #pace = new RenewalPace();
  readonly #snapshots: PeriodicSnapshots;
  #state: PluginState | undefined;
  /** What is in the route, or would be if any of its instances could be called. */
  #serving: Supervisor | undefined;
  #last: { version: string; generation: number };
  #generations = 0;
  #stopped: Promise<void> | undefined;
  #onStopped: (() => void)[] = [];

  /** @param missing what every operation has to be given, until one has succeeded: see {@link MissingOption} */
  constructor(
    options: LoadOptions,
    surroundings: PluginSurroundings,
    missing: readonly MissingOption[] = [],
  ) {
    const spec = resolveSpec(options);
    this.name = spec.name;
    this.#resources = new PluginResources(spec.name, surroundings.logger);
    // Resolved once: a later restart runs the same file, wherever the host's working directory is then.
    const { factory } = surroundings;
    const command = missing.includes('command') ? spec.command : factory.resolveCommand(spec);
    this.#surroundings = surroundings;
    const serving = () => this.#serving;
    this.#route = new SwapChannel({
      name: spec.name,
      retry: new ContractRetry(serving),
      streams: new ContractStreams(spec.name, serving, surroundings.logger),
      meters: surroundings.meters,
    });
    this.#calls = new RouteCalls(this.#route);
    this.#queue = new OperationQueue(spec.name);
    const { directory, logger, store } = surroundings;
    this.#snapshots = new PeriodicSnapshots({
      directory,
      logger,
      maxBytes: store.maxSnapshotBytes,
      idle: () => this.#queue.running === undefined,
      keep: (generation, snapshot) => this.#keepState(generation, snapshot),
      drop: (id) => store.drop(id),
    });
    const tools = {
      ...surroundings,
      queue: this.#queue,
      signal: this.#ending.signal,
      kept: this.#kept,
      keep: this.#keep,
      refuseIfStopped: () => this.#refuseIfStopped(),
    };
    const history = new OptionHistory(spec.name, factory, ownOptions(options, spec, command), missing);
    this.#operations = new PluginOperations(this, tools, history);
    this.#last = { version: spec.version, generation: 0 };
  }

  stub<Stub extends Client>(stubClass: StubConstructor<Stub>, options?: StubOptions): Stub {
    return this.#calls.stub(stubClass, options);
  }

  client<Def extends AnyServiceDefinition>(definition: Def): PromiseClient<Def> {
    return this.#calls.client(definition);
  }

  get channel(): Channel {
    return this.#calls.channel;
  }

  status(): PluginStatus {
    return {
      name: this.name,
      state: this.#state ?? 'starting',
      version: this.#last.version,
      generation: this.#last.generation,
      protocolVersion: this.#serving?.first?.instance.record?.protocolVersion,
      instances: this.#live.instances,
    };
  }

  /** What can be counted of it since it was loaded. */
  statistics(): PluginStatistics {
    return {
      calls: this.#live.calls,
      held: this.#route.holdStatistics,
      restarts: this.#counters.statistics,
    };
  }

  /** The processes that it has now. */
  get pids(): number[] {
    return this.#live.replicas.flatMap(({ pid }) => pid ?? []);
  }

  upgrade(changes: UpgradeOptions): OperationHandle {
    return this.#operations.upgrade(changes);
  }

  /** See {@link PluginOperations.prepared}. */
  prepared(prepare: PrepareUpgrade, toVersion?: string): OperationHandle {
    return this.#operations.prepared(prepare, toVersion);
  }

  restart(options: Pick<UpgradeOptions, 'ifBusy'> = {}): OperationHandle {
    return this.#operations.restart(options);
  }

  rollback(options: RollbackOptions = {}): OperationHandle {
    return this.#operations.rollback(options);
  }

  rollbackPlan(options: RollbackOptions = {}): Promise<RollbackPlan> {
    return this.#operations.rollbackPlan(options);
  }

  async pinned<T>(use: (scope: PinnedScope) => Promise<T> | T): Promise<T> {
    this.#refuseIfStopped();
    const endpoint = await this.#route.reserve();
    const replica = this.#live.replicas.find((one) => one.endpoint === endpoint);
    if (replica === undefined) {
      throw new PluginError('PLUGIN_EXITED', `Plugin ${this.name} has no instance at the moment.`);
    }
    return runPinned(replica, use);
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    this.#ending.abort(new PluginError('PLUGIN_STOPPED', `Plugin ${this.name} was stopped.`));
    await this.#queue.run('stop', 'wait', async () => {
      const serving = this.#serving;
      // The state of one that is lost, or has not begun, is there for whoever loads it when that is mended.
      const ended = serving?.alive === true;
      void this.#snapshots.end();
      this.#transition('stopping', { reason: 'asked' });
      this.#serving = undefined;
      this.#route.close();
      try {
        if (serving) {
          await serving.drain({ reason: 'stop' });
          await serving.stop({ reason: 'stop' });
          this.retired(serving);
        }
        await this.#snapshots.end();
        if (ended) await this.#surroundings.store.forget(this.name);
      } finally {
        await this.#operations.retireWarm();
        this.#transition('stopped', { reason: 'asked', ...this.#unreleased() });
      }
    });
  }

  /** What none of its versions released that had it: at the plugin's end the last chance to say so. */
  #unreleased(): { message?: string } {
    const names = new Set(this.resources.outstanding().map(({ name, kind }) => `${name} (${kind})`));
    return names.size === 0 ? {} : { message: `never released: ${[...names].join(', ')}` };
  }

  get contract(): Contract | undefined {
    return this.#serving?.contract;
  }

  /**
   * Starts the first generation. For `host.load`.
   *
   * @param check of one that is started: one that a killed host was upgrading goes on as it was
   */
  async start(check?: InstanceCheck): Promise<void> {
    const { store } = this.#surroundings;
    const unfinished = await store.unfinished(this.name);
    await this.#open(async (spec) => {
      let first: Supervisor | undefined;
      if (unfinished !== undefined) {
        const tools = { ...this.#surroundings, signal: this.#ending.signal };
        await recoverPlugin(unfinished, spec.version, tools, async (side, snapshotId) => {
          this.#operations.adopt(side);
          const kept: KeptState = (schemas) => store.newestReadable(this.name, schemas, snapshotId);
          const recovered = resolveSpec(this.#operations.options);
          first = await startFirst(this.#firstTools, recovered, this.nextGeneration(), kept);
        });
      }
      return first ?? startFirst(this.#firstTools, spec, this.nextGeneration(), this.#kept, check);
    });
  }

  /** Takes the processes of records as the first generation. For `host.attach`. */
  async attach(records: readonly InstanceRecord[]): Promise<void> {
    const number = Math.max(...records.map(({ generation }) => generation));
    this.#generations = number;
    await this.#surroundings.store.overtake(this.name);
    await this.#open((spec) => attachFirst(this.#firstTools, spec, number, records));
  }

  /** Takes a process that was started by hand as the first instance. For `host.attach`. */
  async attachByLine(line: ReattachLine, hostCertificate: KeyedCertificate | null): Promise<void> {
    await this.#surroundings.store.overtake(this.name);
    await this.#open((spec) =>
      attachFirstByLine(this.#firstTools, spec, this.nextGeneration(), { line, hostCertificate }),
    );
  }

  get #firstTools(): FirstGenerationTools {
    return {
      factory: this.#surroundings.factory,
      signal: this.#ending.signal,
      supervise: (spec, generation) => this.supervise(spec, generation),
    };
  }

  async #open(first: (spec: PluginSpec) => Promise<Supervisor>): Promise<void> {
    await this.#queue.run('load', 'wait', async () => {
      this.#refuseIfStopped();
      this.#transition('starting', { reason: 'asked' });
      const spec = resolveSpec(this.#operations.options);
      try {
        this.swap(await first(spec));
        this.goOn();
      } catch (error) {
        const code = error instanceof PluginError ? error.code : undefined;
        this.#transition('failed', { reason: 'error', ...(code === undefined ? {} : { code }) });
        this.#route.close();
        throw error;
      }
    });
  }

  /** Calls back once, when the plugin has been stopped. */
  onStopped(listener: () => void): void {
    this.#onStopped.push(listener);
  }

  handedOver(): HandedOver | undefined {
    const [record, ...others] = (this.#serving?.replicas ?? []).flatMap(
      ({ instance }) => instance.record ?? [],
    );
    // Whoever has the line of a foreign process attaches to it by that.
    if (record === undefined || record.foreign !== undefined) return undefined;
    return { options: this.#operations.options, record, ...(others.length === 0 ? {} : { others }) };
  }

  /**
   * Lets go of the process that serves, without ending it; undefined while there is none. An operation that has not
   * swapped is given up; one that has comes to its end first, so that no old version is left to nobody. For
   * `host.handOver`.
   */
  release(): Promise<HandedOver | undefined> {
    const released = this.#release();
    this.#stopped ??= released.then(() => {});
    return released;
  }

  async #release(): Promise<HandedOver | undefined> {
    // A multiplexed plugin would end with its one connection, and leave calls unanswered.
    if (this.#operations.options.multiplex === true) {
      await this.#stop();
      return undefined;
    }
    this.#ending.abort(new PluginError('HOST_CLOSED', 'The host was handed over.'));
    return this.#queue.run('handover', 'wait', async () => {
      await this.#snapshots.end();
      const handedOver = this.handedOver();
      const serving = this.#serving;
      const launched = serving?.first?.instance.launched;
      this.#route.close({ code: 'HOST_CLOSED', details: 'The host was handed over' });
      serving?.release();
      await this.#operations.retireWarm();
      // Nothing is kept for it then: nobody could take it over.
      if (launched?.record.foreign !== undefined) await launched.stop({ timeoutMs: 0 });
      this.#serving = undefined;
      this.#live.clear();
      this.#transition('stopped', { reason: 'handed-over' });
      return handedOver;
    });
  }

  /** The plugins that it can't do without. */
  get dependsOn(): readonly string[] {
    return this.#operations.options.dependsOn ?? [];
  }

  /** Where its processes run, or ran last. */
  get directory(): string | undefined {
    return this.#operations.options.cwd;
  }

  /** What its restarts mean for those that depend on it. */
  get restartStrategy(): RestartStrategy {
    return this.#operations.options.restart?.strategy ?? 'one-for-one';
  }

  get serving(): Supervisor | undefined {
    return this.#serving;
  }

  get last(): { readonly version: string; readonly generation: number } {
    return this.#last;
  }

  get resources(): PluginResources {
    return this.#resources;
  }

  nextGeneration(): number {
    return ++this.#generations;
  }

  supervise(spec: PluginSpec, generation: number): Supervisor {
    return new Supervisor(spec, generation, {
      ...this.#surroundings,
      counters: this.#counters,
      resources: this.#resources,
      kept: this.#kept,
      onOutgrown: (replica, trouble) => this.#outgrown(replica, trouble),
    });
  }

  readonly #kept: KeptState = (schemas) => this.#surroundings.store.newestReadable(this.name, schemas);

  /** Calls wait meanwhile: it need not be safe from a loss of power, as nothing of the old one is. */
  readonly #keep = (generation: Supervisor, snapshot: Snapshot): Promise<string> =>
    this.#keepState(generation, snapshot, { durable: false });

  async #keepState(
    { version, generation }: Supervisor,
    snapshot: Snapshot,
    options: KeepOptions = {},
  ): Promise<string> {
    const origin = { plugin: this.name, version, generation: generation.number };
    return (await this.#surroundings.store.keep(origin, snapshot, options)).id;
  }

  /** What uses too much and has a state is replaced as a whole, by an operation that hands it over. */
  #outgrown(replica: Replica, trouble: { readonly aged: boolean }): void {
    if (this.#queue.running !== undefined || !this.#pace.take(performance.now(), replica, trouble)) return;
    void this.restart();
  }

  get holdStatistics(): HoldStatistics {
    return this.#route.holdStatistics;
  }

  swap(next: Supervisor): void {
    void this.#snapshots.end();
    const { limitMs: holdLimitMs, maxCalls: maxHeld } = next.spec.restart.hold ?? defaultHold;
    this.#route.limitHolds({ holdLimitMs, maxHeld });
    this.#route.swap(next.generation);
    if (this.#serving !== next) this.#serving?.freeze();
    this.#serving = next;
    this.#last = { version: next.version, generation: next.generation.number };
    this.#live.add(next);
    if (this.#state !== 'serving') this.#transition('serving', { reason: 'swapped' });
  }

  share(next: Supervisor, rule: SplitRule): void {
    this.#route.share(next.generation, rule);
    this.#live.add(next);
  }

  unshare(): void {
    this.#route.unshare();
  }

  tap(tap: CallTap | undefined): void {
    this.#route.tap = tap;
  }

  goOn(): void {
    const serving = this.#serving;
    serving?.supervise((condition) => this.#assess(serving, condition), { reason: 'swapped' });
    if (serving !== undefined) this.#snapshots.begin(serving);
  }

  hold(): void {
    void this.#snapshots.end();
    this.#route.hold();
  }

  standStill({ generation }: Supervisor, matters: CallFilter): void {
    this.#route.standStill(generation, matters);
  }

  letGo(): void {
    this.#route.release();
  }

  fail(error: PluginError): void {
    this.#route.down({ code: error.code, details: error.summary });
    this.#transition('failed', errorCause(error));
  }

  retired(previous: Supervisor): void {
    this.#live.remove(previous);
  }

  /** What the generation in the route is good for has changed. */
  #assess(supervisor: Supervisor, condition: Condition): void {
    if (this.#serving !== supervisor) return;
    if (condition.state === 'serving') {
      if (this.#route.current === undefined) this.#route.swap(supervisor.generation);
      const back = this.#state !== 'serving';
      this.#transition('serving', { reason: 'restarted' });
      if (back) this.#surroundings.onRestarted(this);
      return;
    }
    const { error, state } = condition;
    if (state === 'failed') {
      this.#route.down({ code: error.code, details: error.summary });
    } else if (supervisor.spec.restart.hold === undefined) {
      this.#route.down({ code: 'PLUGIN_RESTARTING', details: `Plugin ${this.name} is being restarted` });
    }
    this.#transition(state, { reason: 'crash', code: error.code, message: inFull(error) });
  }

  #refuseIfStopped(): void {
    if (this.#stopped !== undefined) {
      throw new PluginError('PLUGIN_STOPPED', `Plugin ${this.name} has been stopped.`);
    }
  }

  #transition(to: PluginState, cause: Cause): void {
    const from = this.#state;
    if (from === to) return;
    this.#state = to;
    const { version, generation } = this.#last;
    this.#surroundings.emit({ type: 'plugin', plugin: this.name, version, generation, from, to, cause });
    if (to === 'stopped') for (const listener of this.#onStopped.splice(0)) listener();
  }
}
