import { randomBytes } from 'node:crypto';
import type { JsonObject } from '@plugd/protocol/json-value';
import { PluginError } from '@plugd/protocol/plugin-error';
import type { HostStore } from './host-store';
import type { InstanceFactory } from './instance/instance-factory';
import type { LoadOptions } from './instance/load-options';
import { check, checkedWaitMs } from './instance/option-check';
import { resolveSpec } from './instance/plugin-spec';
import { headOf, type JournaledSide, sideJson } from './journaled-operation';
import { joinSignals } from './launch/join-signals';
import type { OptionHistory } from './option-history';
import type { Snapshot } from './state/snapshot';
import type { KeptSnapshot } from './state/snapshot-record';
import type { Supervisor } from './supervision/supervisor';
import { admitStrategy, type HostBudget } from './upgrade/admission';
import { Operation, type OperationFailure } from './upgrade/operation';
import { OperationControls } from './upgrade/operation-controls';
import { type BegunOperation, OperationHandle, type OperationProgress } from './upgrade/operation-handle';
import type { OperationQueue } from './upgrade/operation-queue';
import type { OperationTarget, OperationTools } from './upgrade/operation-target';
import type { OperationName, UpgradeReport } from './upgrade/report';
import { type AskedStrategy, askedStrategy } from './upgrade/shift-strategy';
import type { StrategyName } from './upgrade/step-table';
import { chooseStrategy, isShift } from './upgrade/strategy';
import type { RollbackOptions, RollbackPlan, UpgradeOptions } from './upgrade/upgrade-options';
import type { InstanceCheck } from './upgrade/verify';
import { endGeneration, WarmGeneration } from './upgrade/warm-generation';

export interface PluginOperationsTools
  extends Omit<OperationTools, 'journal' | 'outlives' | 'prepareToKeep'> {
  /** See {@link headOf}. */
  readonly token: string;
  readonly store: HostStore;
  /** The host's budget for all of its plugins, and what they use of it; undefined: it has none. */
  readonly memoryBudget: HostBudget | undefined;
  readonly factory: InstanceFactory;
  readonly queue: OperationQueue;
  /** Ends what has not swapped yet. */
  readonly signal: AbortSignal;
  /** Throws PluginError PLUGIN_STOPPED. */
  readonly refuseIfStopped: () => void;
  readonly onOperation: (begun: BegunOperation) => void;
}

/** Whoever watches an operation, and what he can ask of it. */
interface Watched {
  readonly onProgress: (progress: OperationProgress) => void;
  readonly controls: OperationControls;
}

/** An upgrade that the host itself has made ready. */
export interface PreparedUpgrade {
  readonly changes: UpgradeOptions;
  /** Beside the application's own check, and before it: see {@link InstanceCheck}. */
  readonly check: InstanceCheck | undefined;
  /** Afterwards, before anybody hears of its end; without a report: it failed. Never rejects. */
  readonly settle?: (report: UpgradeReport | undefined) => Promise<void>;
}

export type PrepareUpgrade = (signal: AbortSignal) => Promise<PreparedUpgrade>;

interface Asked {
  /** See {@link BegunOperation}. */
  readonly id: string;
  readonly changes: UpgradeOptions & RollbackOptions;
  readonly resolve: () => LoadOptions;
  readonly check?: InstanceCheck | undefined;
}

/** How a plugin comes from the options that it runs by to others. */
export class PluginOperations {
  readonly #target: OperationTarget;
  readonly #tools: PluginOperationsTools;
  /** What served before the last overlap, as long as it is kept. */
  #warm: WarmGeneration | undefined;
  readonly #history: OptionHistory;

  constructor(target: OperationTarget, tools: PluginOperationsTools, history: OptionHistory) {
    this.#target = target;
    this.#tools = tools;
    this.#history = history;
  }

  /** What runs, or ran last. */
  get options(): LoadOptions {
    return this.#history.now;
  }

  /** See {@link OptionHistory.adopt}. */
  adopt(side: JournaledSide | undefined): void {
    this.#history.adopt(side);
  }

  upgrade(changes: UpgradeOptions): OperationHandle {
    return this.#operate('upgrade', changes, () => this.#history.resolve(changes));
  }

  /** An upgrade whose changes are made ready as its first part; an abort meanwhile fires the signal. */
  prepared(prepare: PrepareUpgrade, toVersion?: string): OperationHandle {
    const id = this.#newId();
    const handle: OperationHandle = new OperationHandle(async (onProgress, controls) => {
      const { changes, check, settle } = await prepare(controls.signal);
      if (toVersion === undefined) this.#tell(id, 'upgrade', changes.version, handle);
      let report: UpgradeReport | undefined;
      try {
        if (controls.signal.aborted) throw controls.signal.reason;
        const resolve = () => this.#history.resolve(changes);
        report = await this.#perform('upgrade', { id, changes, resolve, check }, { onProgress, controls });
        return report;
      } finally {
        await settle?.(report);
      }
    });
    if (toVersion !== undefined) this.#tell(id, 'upgrade', toVersion, handle);
    return handle;
  }

  restart(options: Pick<UpgradeOptions, 'ifBusy'>): OperationHandle {
    return this.#operate('restart', options, () => this.#history.resolve({}));
  }

  rollback(options: RollbackOptions): OperationHandle {
    return this.#operate('rollback', options, () => this.#history.requireFormer());
  }

  /** Throws PluginError NOTHING_TO_ROLL_BACK, SNAPSHOT_NOT_FOUND, STRATEGY_UNFIT. */
  async rollbackPlan(options: RollbackOptions): Promise<RollbackPlan> {
    const { serving, name: plugin } = this.#target;
    const { version } = this.#history.requireFormer();
    const strategy = chooseStrategy(plugin, serving, askedStrategy(options));
    const from = this.#warm?.usable === true && strategy === 'overlap' ? 'warm' : 'command';
    const common = { version, from, strategy } as const;
    if (serving?.description?.state === undefined) return { ...common, state: undefined, lost: undefined };
    if (options.state !== 'snapshot') return { ...common, state: { from: 'handoff' }, lost: undefined };
    const { id, takenAt, schema, bytes } = await this.#formerSnapshot();
    const ageMs = (await this.#tools.store.ageMs(id)) ?? 0;
    const lost = `what has changed of its state in the last ${(ageMs / 1000).toFixed(1)} s`;
    return { ...common, state: { from: 'snapshot', id, takenAt, ageMs, schema, bytes }, lost };
  }

  /** Ends what is kept warm, if anything is. Never rejects. For whoever stops the plugin. */
  async retireWarm(): Promise<void> {
    const warm = this.#warm;
    this.#warm = undefined;
    await warm?.retire();
  }

  #operate(
    operation: OperationName,
    changes: UpgradeOptions & RollbackOptions,
    resolve: () => LoadOptions,
  ): OperationHandle {
    const id = this.#newId();
    const handle = new OperationHandle((onProgress, controls) =>
      this.#perform(operation, { id, changes, resolve }, { onProgress, controls }),
    );
    const former = operation === 'rollback' ? this.#history.former?.version : undefined;
    this.#tell(id, operation, former ?? changes.version, handle);
    return handle;
  }

  #newId(): string {
    return `${this.#target.name}-${randomBytes(6).toString('hex')}`;
  }

  #tell(id: string, operation: OperationName, version: string | undefined, handle: OperationHandle): void {
    const { version: fromVersion } = this.#history.now;
    const plugin = this.#target.name;
    const toVersion = version ?? fromVersion;
    this.#tools.onOperation({ id, plugin, operation, fromVersion, toVersion, handle });
  }

  #perform(
    operation: OperationName,
    { id, changes, resolve, check }: Asked,
    { onProgress, controls }: Watched,
  ): Promise<UpgradeReport> {
    const { queue, refuseIfStopped } = this.#tools;
    return queue.run(operation, changes.ifBusy ?? 'wait', async () => {
      refuseIfStopped();
      const before = this.#history.now;
      const old = this.#target.serving;
      let options = before;
      const result = await this.#run(operation, { id, changes, check }, { onProgress, controls }, () => {
        options = resolve();
        return options;
      });
      if ('error' in result) {
        if (result.outcome !== 'go-back') throw result.error;
        const { error, stays } = await this.#goBack(before, result, onProgress);
        if (stays) this.#history.placed(options, before);
        throw error;
      }
      if (result.outcome === 'swapped') {
        this.#history.placed(options, operation === 'restart' ? undefined : before);
        this.#keepWarm(old, result, changes);
      }
      return result;
    });
  }

  /** What was not stopped after an overlap stays for a while. */
  #keepWarm(old: Supervisor | undefined, { strategy }: UpgradeReport, changes: UpgradeOptions): void {
    const keepWarmMs = checkedKeepWarm(changes);
    if (old === undefined || keepWarmMs === 0 || !keepsApart(strategy)) return;
    const { queue, logger } = this.#tools;
    const warm: WarmGeneration = new WarmGeneration(old, {
      keepMs: keepWarmMs,
      logger,
      // Until its turn comes an operation may have ended it, and left another one warm whose time is not over.
      onDue: () =>
        void queue.run('retire', 'wait', async () => {
          if (this.#warm === warm) await this.retireWarm();
        }),
      onRetired: () => this.#target.retired(old),
    });
    this.#warm = warm;
  }

  /** What is kept warm, to be used by a rollback; else it is ended, for it would be in the way. */
  async #usableWarm(operation: OperationName, strategy: StrategyName): Promise<WarmGeneration | undefined> {
    const warm = this.#warm;
    if (operation === 'rollback' && strategy === 'overlap' && warm?.usable === true) return warm;
    await this.retireWarm();
    return undefined;
  }

  async #run(
    operation: OperationName,
    { id, changes, check: instanceCheck }: Pick<Asked, 'id' | 'changes' | 'check'>,
    { onProgress, controls }: Watched,
    resolve: () => LoadOptions,
  ): Promise<UpgradeReport | OperationFailure> {
    const { store, token: hostToken, keep } = this.#tools;
    const { verify, dryRun = false, force = false, contractPolicy = 'report' } = changes;
    const keepWarmMs = checkedKeepWarm(changes);
    const bakeMs = checkedWaitMs('bakeMs', changes.bakeMs, 0, 0);
    const version =
      operation === 'rollback' ? resolve().version : (changes.version ?? this.#history.now.version);
    const shiftTimeoutMs = checkedWaitMs('shiftTimeoutMs', changes.shiftTimeoutMs, 86_400_000, 1);
    const asked = askedStrategy(changes);
    const strategy = await this.#admit(operation, changes, asked);
    const shifts = isShift(strategy);
    const state = await this.#givenState(changes);
    const plugin = this.#target.name;
    const from = this.#history.now;
    const entry = await store.begin(headOf({ id, plugin, operation, strategy, hostToken, from }));
    const warm = dryRun ? undefined : await this.#usableWarm(operation, strategy);
    const { signal, release } = joinSignals([this.#tools.signal, controls.signal]);
    // What a restarted host has to know of beside the step; as soon as it is known, each line has it.
    let notes: JsonObject = {};
    const run = new Operation(
      this.#target,
      {
        operation,
        version,
        strategy,
        prepare: () => {
          const options = resolve();
          notes = { ...notes, to: sideJson(options) };
          return resolveSpec(options);
        },
        verify,
        check: instanceCheck,
        dryRun,
        force,
        contractPolicy,
        strict: (changes.expect ?? this.#history.now.expect)?.strict === true,
        bakeMs,
        keepsWarm: keepWarmMs > 0 && keepsApart(strategy),
        shift: shifts ? asked.shift : undefined,
        shiftTimeoutMs,
        maxSurge: shifts ? asked.maxSurge : undefined,
        controls,
        warm,
        state,
        signal,
        onProgress,
      },
      {
        ...this.#tools,
        outlives: store.outlives,
        prepareToKeep: () => store.prepareToKeep(),
        keep: async (generation, snapshot) => {
          const id = await keep(generation, snapshot);
          notes = { ...notes, snapshot: id };
          return id;
        },
        journal: async (line, turns) => {
          if (line.kind === 'end') await entry.end({ ...line });
          else await entry.append({ ...line, ...notes }, { sync: turns });
        },
      },
    );
    try {
      return await run.run();
    } finally {
      release();
      // One that was given up before it had begun with it leaves it as it was.
      if (warm?.taken === true) this.#warm = undefined;
    }
  }

  /** See {@link admitStrategy}. What is still warm needs no room that it has not got; a dry run starts another one. */
  #admit(
    operation: OperationName,
    changes: UpgradeOptions,
    asked: AskedStrategy,
  ): StrategyName | Promise<StrategyName> {
    const { platform, memoryBudget: hostBudget } = this.#tools;
    if (operation === 'rollback' && changes.dryRun !== true && this.#warm?.usable === true) {
      return chooseStrategy(this.#target.name, this.#target.serving, asked);
    }
    const { options } = this;
    return admitStrategy({ target: this.#target, options, changes, asked, platform, hostBudget });
  }

  /** What the new one is to have instead of what the old one would hand over. */
  async #givenState({ state }: RollbackOptions): Promise<Snapshot | undefined> {
    const known = state === undefined || state === 'handoff' || state === 'snapshot';
    check(known, 'state', state, 'handoff or snapshot');
    if (state !== 'snapshot' || this.#target.serving?.description?.state === undefined) return undefined;
    return this.#tools.store.open((await this.#formerSnapshot()).id);
  }

  /** The last state of the version that a rollback leads to. Throws PluginError SNAPSHOT_NOT_FOUND. */
  async #formerSnapshot(): Promise<KeptSnapshot> {
    const { version } = this.#history.requireFormer();
    const { name: plugin } = this.#target;
    const kept = await this.#tools.store.latestOf(plugin, version);
    if (kept !== undefined) return kept;
    throw new PluginError(
      'SNAPSHOT_NOT_FOUND',
      `No state of version ${version} of plugin ${plugin} is kept.`,
      {
        facts: { plugin, version },
      },
    );
  }

  /**
   * The new one has served, and is refused: an operation in the other direction takes its state back. Where that fails the
   * new one may stay.
   */
  async #goBack(
    before: LoadOptions,
    { error, left }: OperationFailure,
    onProgress: (progress: OperationProgress) => void,
  ): Promise<{ readonly error: PluginError; readonly stays: boolean }> {
    if (left !== undefined) await this.#end(left);
    // What no version meets must not keep this one from coming back.
    const changes = { force: true, expect: { strict: false } };
    try {
      const watched = { onProgress, controls: new OperationControls() };
      const back = await this.#run('rollback', { id: this.#newId(), changes }, watched, () => before);
      if (!('error' in back)) return { error: error.withFacts({ outcome: 'rolled-back' }), stays: false };
      return { error: notBack(error, back.error), stays: back.outcome === 'undone' };
    } catch (refusal) {
      return { error: notBack(error, refusal), stays: true };
    }
  }

  /** Ends what handed its state over and can't go on. Never rejects. */
  async #end(generation: Supervisor): Promise<void> {
    await endGeneration(generation, { reason: 'refused' }, this.#tools.logger);
    this.#target.retired(generation);
  }
}

/** Whether the old version goes out of the route whole, with nothing of its own handed over. */
function keepsApart(strategy: StrategyName): boolean {
  return strategy === 'overlap' || (isShift(strategy) && strategy !== 'rolling');
}

function checkedKeepWarm({ keepWarmMs }: UpgradeOptions): number {
  return checkedWaitMs('keepWarmMs', keepWarmMs, 0, 0);
}

function notBack(error: PluginError, why: unknown): PluginError {
  const rollback = why instanceof PluginError ? `${why.code}: ${why.summary}` : String(why);
  return error.withFacts({ outcome: 'not-rolled-back', rollback });
}
