import type { Client } from '@grpc/grpc-js';
import { PluginError } from '@plugd/protocol/plugin-error';
import { createPromiseClient, type PromiseClient } from '@plugd/protocol/rpc/client';
import type { AnyServiceDefinition } from '@plugd/protocol/rpc/definition';
import { ScopedBroker } from './connection/scoped-broker';
import type { Cause, EmitEvent, PluginState } from './events/host-event';
import type { Logger } from './events/logger';
import type { MissingOption } from './instance/attach-options';
import type { Instance } from './instance/instance';
import type { InstanceFactory } from './instance/instance-factory';
import type { LoadOptions } from './instance/load-options';
import { ownOptions, type PluginSpec, resolveSpec } from './instance/plugin-spec';
import type { InstanceRecord, KeyedCertificate } from './launch/instance-record';
import type { ReattachLine } from './launch/reattach-line';
import type { Platform } from './platform/platform';
import type { HandedOver, PinnedScope, Plugin } from './plugin';
import type { InstanceStatus, PluginStatus } from './plugin-status';
import type { Channel } from './routing/grpc-call';
import { PinnedLineage } from './routing/lineage';
import { pin } from './routing/pin';
import { createStub, type StubConstructor, type StubOptions } from './routing/stub';
import { SwapChannel } from './routing/swap-channel';
import { withInstanceCalls } from './upgrade/instance-calls';
import { mergeOptions } from './upgrade/merge-options';
import { OperationHandle } from './upgrade/operation-handle';
import { OperationQueue } from './upgrade/operation-queue';
import { type OverlapTarget, overlap } from './upgrade/overlap';
import type { UpgradeReport } from './upgrade/report';
import { drain } from './upgrade/retire';
import type { Serving } from './upgrade/serving';
import type { UpgradeOptions } from './upgrade/upgrade-options';

/** What a plugin needs of its host. */
export interface PluginSurroundings {
  readonly factory: InstanceFactory;
  readonly platform: Platform;
  readonly logger: Logger;
  readonly emit: EmitEvent;
}

/** The plugin behind the {@link Plugin} that applications see: also what its host and its operations do with it. */
export class ManagedPlugin implements Plugin, OverlapTarget {
  readonly name: string;
  readonly #surroundings: PluginSurroundings;
  readonly #route: SwapChannel;
  readonly #queue: OperationQueue;
  readonly #ending = new AbortController();
  /** In the route, and those that left it and have not ended. */
  readonly #live = new Set<Serving>();
  /** The end of everything that crashed instances left, while it is under way. */
  readonly #clearing = new Set<Promise<void>>();
  #options: LoadOptions;
  #missing: readonly MissingOption[];
  #state: PluginState | undefined;
  #serving: Serving | undefined;
  #last: { version: string; generation: number };
  #generations = 0;
  #channel: Channel | undefined;
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
    this.#missing = missing;
    // Resolved once: a later restart runs the same file, wherever the host's working directory is then.
    const { factory } = surroundings;
    const command = missing.includes('command') ? spec.command : factory.resolveCommand(spec);
    this.#options = ownOptions(options, spec, command);
    this.#surroundings = surroundings;
    this.#route = new SwapChannel({ name: spec.name });
    this.#queue = new OperationQueue(spec.name);
    this.#last = { version: spec.version, generation: 0 };
  }

  stub<Stub extends Client>(stubClass: StubConstructor<Stub>, options?: StubOptions): Stub {
    return createStub(stubClass, this.#route.facade(), options);
  }

  client<Def extends AnyServiceDefinition>(definition: Def): PromiseClient<Def> {
    return createPromiseClient(definition, this.#route.facade());
  }

  get channel(): Channel {
    this.#channel ??= this.#route.facade();
    return this.#channel;
  }

  status(): PluginStatus {
    const serving = this.#serving;
    return {
      name: this.name,
      state: this.#state ?? 'starting',
      version: this.#last.version,
      generation: this.#last.generation,
      protocolVersion: serving?.instance.record?.protocolVersion,
      instances: [...this.#live].reverse().map(instanceStatus),
    };
  }

  upgrade(changes: UpgradeOptions): OperationHandle {
    return this.#operate('upgrade', changes);
  }

  restart(options: Pick<UpgradeOptions, 'ifBusy'> = {}): OperationHandle {
    return this.#operate('restart', options);
  }

  #operate(operation: 'upgrade' | 'restart', changes: UpgradeOptions): OperationHandle {
    return new OperationHandle((onProgress) =>
      this.#queue.run(operation, changes.ifBusy ?? 'wait', async (): Promise<UpgradeReport> => {
        this.#refuseIfStopped();
        let options = this.#options;
        const report = await overlap(
          this,
          {
            operation,
            version: changes.version ?? options.version,
            prepare: () => {
              options = this.#resolve(changes);
              return resolveSpec(options);
            },
            verify: changes.verify,
            dryRun: changes.dryRun ?? false,
            signal: this.#ending.signal,
            onProgress,
          },
          this.#surroundings,
        );
        if (report.outcome === 'swapped') {
          this.#options = options;
          this.#missing = [];
        }
        return report;
      }),
    );
  }

  /** The options of the next generation, its command found. Throws OPTIONS_INVALID, COMMAND_NOT_FOUND and its kin. */
  #resolve(changes: UpgradeOptions): LoadOptions {
    for (const option of this.#missing) {
      if (changes[option] !== undefined) continue;
      throw new PluginError(
        'OPTIONS_INVALID',
        `Plugin ${this.name} was attached by its line: to start it this host needs the option ${option}.`,
        {
          facts: { option },
          hint: 'Give it to host.attach(), or to upgrade().',
        },
      );
    }
    const merged = mergeOptions(this.#options, changes);
    const spec = resolveSpec(merged);
    const { factory } = this.#surroundings;
    return ownOptions(
      merged,
      spec,
      changes.command === undefined ? spec.command : factory.resolveCommand(spec),
    );
  }

  async pinned<T>(use: (scope: PinnedScope) => Promise<T> | T): Promise<T> {
    this.#refuseIfStopped();
    const serving = this.#serving;
    if (serving === undefined) {
      throw new PluginError('PLUGIN_EXITED', `Plugin ${this.name} has no instance at the moment.`);
    }
    const { instance, generation } = serving;
    const { launched } = instance;
    const endpoint = generation.pick();
    if (endpoint === undefined) {
      throw new PluginError('PLUGIN_EXITED', `Plugin ${this.name} has no instance at the moment.`);
    }
    return pin(endpoint, async (signal) => {
      const lost = launched.exited.then(() => {
        throw launched.error('PLUGIN_EXITED', `Plugin ${this.name} exited while a pinned scope used it.`);
      });
      lost.catch(() => {});
      const lineage = new PinnedLineage(this.name, generation.number, signal);
      const broker = new ScopedBroker(instance.connection, signal, lineage);
      const work = withInstanceCalls(
        instance,
        'The pinned scope has ended',
        async (calls) => lineage.run(() => use({ ...calls, signal, broker })),
        signal,
      ).finally(() => broker.end());
      work.catch(() => {});
      return Promise.race([work, lost]);
    });
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    this.#ending.abort(new PluginError('PLUGIN_STOPPED', `Plugin ${this.name} was stopped.`));
    await this.#queue.run('stop', 'wait', async () => {
      const serving = this.#serving;
      this.#transition('stopping', { reason: 'asked' });
      this.#serving = undefined;
      this.#route.close();
      try {
        if (serving) {
          await drain(serving, { reason: 'stop' });
          await serving.instance.stop(serving.spec.stopTimeoutMs, { reason: 'stop' });
        }
        await Promise.all(this.#clearing);
      } finally {
        this.#transition('stopped', { reason: 'asked' });
      }
    });
  }

  /** Starts the first instance. For `host.load`. */
  async start(): Promise<void> {
    await this.#open((spec) =>
      this.#surroundings.factory.start(spec, {
        generation: this.nextGeneration(),
        signal: this.#ending.signal,
        runStep: (_step, work) => work(),
      }),
    );
  }

  /** Takes the process of a record as the first instance. For `host.attach`. */
  async attach(record: InstanceRecord): Promise<void> {
    this.#generations = record.generation;
    await this.#open((spec) => this.#surroundings.factory.attach(spec, record, this.#ending.signal));
  }

  /** Takes a process that was started by hand as the first instance. For `host.attach`. */
  async attachByLine(line: ReattachLine, hostCertificate: KeyedCertificate | null): Promise<void> {
    await this.#open((spec) =>
      this.#surroundings.factory.attachByLine(spec, line, {
        generation: this.nextGeneration(),
        hostCertificate,
        signal: this.#ending.signal,
      }),
    );
  }

  async #open(first: (spec: PluginSpec) => Promise<Instance>): Promise<void> {
    await this.#queue.run('load', 'wait', async () => {
      this.#refuseIfStopped();
      this.#transition('starting', { reason: 'asked' });
      const spec = resolveSpec(this.#options);
      try {
        this.swap(await first(spec), spec);
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
    const record = this.#serving?.instance.record;
    // Whoever has the line of a foreign process attaches to it by that.
    return record === undefined || record.foreign !== undefined
      ? undefined
      : { options: this.#options, record };
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
    if (this.#options.multiplex === true) {
      await this.#stop();
      return undefined;
    }
    this.#ending.abort(new PluginError('HOST_CLOSED', 'The host was handed over.'));
    return this.#queue.run('handover', 'wait', async () => {
      const handedOver = this.handedOver();
      const launched = this.#serving?.instance.launched;
      this.#route.close({ code: 'HOST_CLOSED', details: 'The host was handed over' });
      this.#serving?.instance.release();
      // Nothing is kept for it then: nobody could take it over.
      if (launched?.record.foreign !== undefined) await launched.stop({ timeoutMs: 0 });
      this.#serving = undefined;
      this.#live.clear();
      this.#transition('stopped', { reason: 'handed-over' });
      return handedOver;
    });
  }

  get serving(): Serving | undefined {
    return this.#serving;
  }

  get last(): { readonly version: string; readonly generation: number } {
    return this.#last;
  }

  nextGeneration(): number {
    return ++this.#generations;
  }

  swap(instance: Instance, spec: PluginSpec): { now: Serving; previous: Serving | undefined } {
    const { version, generation: number } = instance.identity;
    const { generation } = this.#route.swap({ number, channel: instance.connection.channel });
    const previous = this.#serving;
    const now: Serving = { instance, generation, spec };
    this.#serving = now;
    this.#last = { version, generation: number };
    this.#live.add(now);
    instance.transition('serving', { reason: 'swapped' });
    if (this.#state !== 'serving') this.#transition('serving', { reason: 'swapped' });
    instance.onCrash(() => this.#lost(now));
    void instance.launched.exited.then(() => this.#live.delete(now));
    return { now, previous };
  }

  /** The process of an instance ended although nobody asked it to. */
  #lost(lost: Serving): void {
    const { instance } = lost;
    const error = instance.launched.error('PLUGIN_EXITED', `Plugin ${this.name} exited while it was in use.`);
    // Before anybody hears of it, so that a stop from then on waits for it.
    const cleared = this.#clear(lost, error).finally(() => this.#clearing.delete(cleared));
    cleared.catch(() => {});
    this.#clearing.add(cleared);
    instance.fail(error);
    if (this.#serving === lost) {
      this.#serving = undefined;
      this.#route.down({ code: error.code, details: error.summary });
      this.#transition('failed', { reason: 'crash', code: error.code, message: error.summary });
    }
  }

  /** Logs the last words of a crashed instance, and removes what is left: descendants, sockets, the directory. */
  async #clear({ instance, spec }: Serving, { code, summary }: PluginError): Promise<void> {
    const { logger } = this.#surroundings;
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

function instanceStatus({ instance, generation }: Serving): InstanceStatus {
  const { pid, address, startedAt } = instance.launched.record;
  return {
    id: instance.identity.id,
    pid,
    state: instance.state,
    address,
    inFlight: generation.inFlight,
    startedAt,
  };
}
