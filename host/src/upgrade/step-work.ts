import { PluginError } from '@plugd/protocol/plugin-error';
import type { Instance } from '../instance/instance';
import type { PluginSpec } from '../instance/plugin-spec';
import { waitAtMost } from '../launch/wait-at-most';
import { type CallStatistics, noCalls as noStatistics } from '../routing/endpoint';
import type { ShiftProgress } from '../strategies/traffic';
import { activate } from '../supervision/begin-life';
import type { Supervisor } from '../supervision/supervisor';
import { asPluginError } from './as-plugin-error';
import { bake } from './bake';
import { callsSince } from './calls-since';
import { type ContractJudgement, judgeContract } from './contract-policy';
import { Handoff } from './handoff';
import { lifecycleTimeoutMs, transferTimeoutMs } from './limits';
import { makeReady } from './make-ready';
import { OldSide } from './old-side';
import type { OperationOptions } from './operation-options';
import type { OperationTarget, OperationTools } from './operation-target';
import { requireReadable } from './readable-state';
import { noCalls, type SideReport, type UpgradeReport } from './report';
import { Shifting } from './shifting';
import type { StepName, StepRow, StrategyName, UndoName } from './step-table';
import { SteppedStart } from './stepped-start';
import { runCheck, runVerify } from './verify';

/** How long the plugin may take to tell its contract, before it counts as telling none. */
const contractTimeoutMs = 10_000;
/** How much of the longest hold an operation uses up before it is given up: the rest is for undoing it. */
const holdShare = 0.75;

/** What a recreation does before the old one leaves. */
const untilLeaving: ReadonlySet<StepName> = new Set(['quiesce', 'pause', 'snapshot']);

/** What one operation does in the real world: each step of the table, and each undo. */
export class StepWork {
  /** What went wrong and stopped nothing. */
  readonly warnings: PluginError[] = [];
  readonly handoff: Handoff;
  from: SideReport;
  to: SideReport | undefined;
  contract: ContractJudgement = { changes: 'unchecked', unchecked: [], forced: false };
  /** How long new calls had to wait in the host, in milliseconds. */
  pauseMs = 0;
  /** Whether the new one is watched after the swap: until then it can be given up by hand. */
  bakes = true;
  next: Supervisor | undefined;
  /** Calls that the new one had already, as it was kept warm. */
  inFlightBefore = 0;
  #newBefore = noStatistics;
  #calls = noCalls;
  readonly #target: OperationTarget;
  readonly #options: OperationOptions;
  readonly #tools: OperationTools;
  readonly #old: OldSide;
  readonly #strategy: StrategyName;
  #spec: PluginSpec | undefined;
  #start: SteppedStart | undefined;
  #heldSince: number | undefined;
  readonly #shifting: Shifting | undefined;
  /** It has its state, or needs none: it may answer calls. */
  #begun = false;
  /** It has told its health since it has its state: nothing but the swap is left. */
  #ready = false;
  /** The old one was told to leave, or can't go on: it has to be begun anew to serve. */
  #oldIsSpent = false;
  /** The old one was gone when calls began to wait. */
  #lost = false;

  constructor(
    target: OperationTarget,
    options: OperationOptions,
    tools: OperationTools,
    old: Supervisor | undefined,
    onShift: (progress: ShiftProgress) => void,
  ) {
    this.#target = target;
    this.#options = options;
    this.#tools = tools;
    this.#strategy = options.strategy;
    this.handoff = new Handoff(tools.directory, options.state);
    this.#old = new OldSide(old, target, this.handoff);
    const { shift, shiftTimeoutMs: limitMs, signal, controls } = options;
    if (shift !== undefined) {
      const { platform } = tools;
      this.#shifting = new Shifting({
        target,
        platform,
        strategy: shift,
        limitMs,
        signal,
        controls,
        onProgress: onShift,
      });
    }
    this.from = { ...target.last, pid: undefined, memoryBytes: undefined };
  }

  get calls(): UpgradeReport['calls'] {
    const { longestWaitMs, retried } = this.newCalls;
    return { ...this.#calls, retried, longestWaitMs };
  }

  /** What has come of calls on the new one since this began. */
  get newCalls(): CallStatistics {
    return callsSince(this.#newBefore, this.next?.generation.statistics ?? noStatistics);
  }

  get spec(): PluginSpec {
    if (this.#spec === undefined) throw new Error('the operation has not been prepared');
    return this.#spec;
  }

  oldIsGone(): boolean {
    return this.#old.gone;
  }

  readonly perform: Readonly<Record<StepName, (row: StepRow) => Promise<void>>> = {
    prepare: async () => {
      this.#spec = this.#options.prepare();
      this.from = { ...this.from, ...(await this.sideOf(this.#old.supervisor)) };
      // Later calls would wait for it. What is wrong with it is told where a state is to be kept.
      if (this.#takesState) await this.#tools.prepareToKeep().catch(() => {});
    },
    start: async () => {
      const { warm } = this.#options;
      if (warm !== undefined) {
        this.next = warm.take();
        const { statistics, inFlight } = this.next.generation;
        this.#newBefore = statistics;
        this.inFlightBefore = inFlight;
        return;
      }
      const next = this.#target.supervise(this.spec, this.#target.nextGeneration());
      this.next = next;
      const { signal } = this.#options;
      const instances = this.#shifting?.firstInstances(this.spec.instances) ?? this.spec.instances;
      this.#start = new SteppedStart((runStep) => next.start({ signal, runStep, instances }));
      await this.#start.perform('start');
    },
    health: async () => {
      await this.#start?.perform('health');
      if (this.spec.contract.required.length === 0) await this.#start?.whole();
    },
    contract: async () => {
      if (this.spec.contract.required.length > 0) {
        await this.#start?.perform('contract');
        await this.#start?.whole();
      }
      const state = this.handoff.given ?? this.#old.supervisor?.description?.state;
      if (state !== undefined && !this.#beginsByItself) requireReadable(this.#newInstance, state);
      await this.#compareContracts();
    },
    verify: async () => {
      const { check, verify, signal } = this.#options;
      if (check) await runCheck(this.#newInstance, check, this.spec.startTimeoutMs, signal);
      if (verify) await runVerify(this.#newInstance, verify, this.spec.startTimeoutMs, signal);
    },
    shift: async (row) => {
      const old = this.#old.supervisor;
      if (this.#shifting === undefined || old === undefined) return;
      const next = this.#new;
      await this.#makeReady(row);
      await this.#begin();
      await this.#shifting.run(old, next);
      // Whatever the strategy has left it at: what serves alone has all of its instances.
      await next.resize(next.spec.instances, this.#options.signal);
    },
    'make-room': async () => {
      const { supervisor } = this.#old;
      await supervisor?.resize(supervisor.spec.instances - 1, this.#options.signal);
    },
    hold: async () => {
      if (this.#strategy === 'handoff' && this.#old.gone)
        throw this.#old.lost('before its state could be taken');
      this.#old.supervisor?.freeze();
      this.#target.hold();
      this.#heldSince = performance.now();
      this.#lost = this.#old.gone;
    },
    quiesce: async (row) => {
      const { supervisor } = this.#old;
      if (supervisor === undefined || this.#lost) return;
      const limitMs = this.#limit(row, supervisor.spec.drainTimeoutMs);
      await this.#old.quiesce(limitMs, (warning) => this.warnings.push(warning));
    },
    pause: async (row) => {
      if (this.#lost) return;
      await this.handoff.pause(this.#old.instance, this.#limit(row, lifecycleTimeoutMs));
    },
    snapshot: async (row) => {
      if (this.#lost) return;
      const { instance, supervisor } = this.#old;
      const snapshot = await this.handoff.take(instance, this.#limit(row, transferTimeoutMs));
      if (supervisor === undefined) return;
      const { keep, outlives } = this.#tools;
      await keep(supervisor, snapshot).catch((error: unknown) => {
        if (outlives) throw error;
        this.warnings.push(asPluginError(error, 'the state was not kept'));
      });
    },
    release: async (row) => {
      const { resources } = this.#target;
      const { instance } = this.#old;
      const { generation } = instance.identity;
      const names = resources.beforeNext(generation, this.#newInstance.identity.generation);
      // Without names it would be told to release all that it has alone, which it has not.
      if (names.length === 0) return;
      await this.handoff.release(instance, names, this.#limit(row, lifecycleTimeoutMs));
      resources.released(generation, names);
    },
    restore: async (row) => {
      if (this.#beginsByItself) return;
      await this.handoff.restore(this.#newInstance, this.#moved, this.#limit(row, transferTimeoutMs));
    },
    check: async (row) => {
      if (this.#beginsByItself) return;
      // Both are asked at once, for calls wait. In a recreation there is the application's own check yet to come.
      const ready = this.#strategy === 'handoff' ? this.#makeReady(row) : undefined;
      ready?.catch(() => {});
      const limitMs = this.#limit(row, transferTimeoutMs);
      const known = await this.handoff.check(this.#newInstance, this.#moved, limitMs);
      await ready;
      this.#ready = ready !== undefined;
      if (known) return;
      this.warnings.push(
        new PluginError(
          'STATE_UNCHECKED',
          `Nobody could tell whether plugin ${this.#target.name} has the state that it was given.`,
        ),
      );
    },
    swap: async (row) => {
      const next = this.#new;
      if (!this.#ready) await this.#makeReady(row);
      await this.#begin();
      this.#expectWhole(next);
      const { signal, controls } = this.#options;
      signal.throwIfAborted();
      this.#target.swap(next);
      if (!this.bakes) controls.end();
      const { supervisor } = this.#old;
      if (this.#strategy === 'recreate' && supervisor !== undefined) this.#target.retired(supervisor);
      if (this.#heldSince !== undefined) return;
      this.#target.goOn();
      this.to = await this.sideOf(next);
    },
    activate: async (row) => {
      if (this.#newInstance.description === undefined) return;
      await activate(this.#newInstance, this.#limit(row, lifecycleTimeoutMs));
      this.#target.resources.take(this.#newInstance.identity.generation);
    },
    'release-calls': async () => {
      this.#expectWhole(this.#new);
      this.#target.goOn();
      this.#letGo();
      // Some systems run a program to tell of a process: no call waits for that.
      this.to = await this.sideOf(this.#new);
    },
    bake: async () => {
      const { bakeMs, signal, controls } = this.#options;
      const own = await this.#shifting?.bake(this.#old.supervisor, this.#new);
      if (own !== true) await bake(this.#new, bakeMs, signal);
      if (controls.signal.aborted) throw controls.signal.reason;
      controls.end();
    },
    drain: async () => {
      const old = this.#old.supervisor;
      if (old === undefined) return;
      this.#oldIsSpent = true;
      const before = old.generation.statistics;
      const { drained, cut } = await old.drain(this.#cause);
      const { lost, excused } = callsSince(before, old.generation.statistics);
      this.#calls = { ...this.#calls, drained: drained - lost, cut, failed: lost + cut - excused };
    },
    stop: async () => {
      const old = this.#old.supervisor;
      if (old === undefined) return;
      await old.stop(this.#cause);
      // One that nothing has taken the place of yet is still what the plugin is.
      if (this.#strategy !== 'recreate') this.#target.retired(old);
    },
  };

  readonly undo: Readonly<Record<UndoName, () => Promise<void>>> = {
    'shift-back': async () => {
      // Until the old one is whole again the new one may keep its part of the calls.
      await this.#refill();
      await this.#takeBack(false);
    },
    'end-new': async () => {
      const { next } = this;
      await this.#start?.abandon();
      await next?.kill({ reason: 'refused' });
      if (next !== undefined) this.#target.retired(next);
    },
    'let-go': async () => {
      this.#target.goOn();
      this.#letGo();
    },
    resume: async () => {
      // Until it has said that it goes on it stands still.
      this.#oldIsSpent = true;
      if (this.#old.gone) throw this.#old.lost('before it could go on');
      await this.#old.resume();
      this.#oldIsSpent = false;
      this.#target.resources.take(this.#old.instance.identity.generation);
    },
    'start-old': async () => {
      const served = this.next !== undefined && this.#target.serving === this.next;
      try {
        if (this.#oldIsSpent || this.#old.gone) await this.#old.startAgain(this.#cause);
        // Where calls are held, letting them go is what ends the freeze.
        if (this.#heldSince === undefined) this.#target.goOn();
      } finally {
        await this.#takeBack(served);
      }
    },
    'swap-back': async () => {
      const { next } = this;
      if (next === undefined || this.#target.serving !== next) return;
      // What was sent away to make room is not lost.
      await this.#refill();
      const { supervisor, gone } = this.#old;
      if (supervisor === undefined || gone) throw this.#old.lost('before it could serve again');
      this.#target.swap(supervisor);
      if (this.#heldSince === undefined) this.#target.goOn();
      await next.drain({ reason: 'refused' });
    },
  };

  /**
   * The new one gets no more calls, and finishes those that it has.
   *
   * @param served it had all of them
   */
  async #takeBack(served: boolean): Promise<void> {
    this.#shifting?.end();
    if (!served && this.#shifting?.shared !== true) return;
    await this.next?.drain({ reason: 'refused' }).catch((error: unknown) => {
      this.warnings.push(asPluginError(error, 'the new version was not drained'));
    });
  }

  /** What was told of the shift; undefined where nothing was shifted. */
  get shifted(): UpgradeReport['shift'] {
    return this.#shifting && { progress: this.#shifting.told };
  }

  /** Adds what this did not need a step for: a dry run tells what it proved. */
  async finishDryRun(): Promise<void> {
    this.to = await this.sideOf(this.next);
    await this.next?.stop({ reason: 'dry-run' });
  }

  async sideOf(supervisor: Supervisor | undefined): Promise<SideReport | undefined> {
    const { first } = supervisor ?? {};
    if (first === undefined) return undefined;
    const { version, generation } = first.instance.identity;
    const { pid } = first.instance.launched.record;
    const usage = await this.#tools.platform.usage(pid);
    return { version, generation, pid, memoryBytes: usage?.memoryBytes };
  }

  get #new(): Supervisor {
    if (this.next === undefined) throw new Error('the new generation has not been started');
    return this.next;
  }

  /** Just before calls go to it. */
  async #makeReady(row: StepRow): Promise<void> {
    const { signal } = this.#options;
    const { replicas, spec } = this.#new;
    const timeoutMs = this.#limit(row, spec.startTimeoutMs);
    await Promise.all(replicas.map(({ instance }) => makeReady(instance, { timeoutMs, signal })));
  }

  /** Before the first call comes, where nothing is handed over. */
  async #begin(): Promise<void> {
    if (!this.#beginsByItself || this.#begun) return;
    const { given } = this.handoff;
    await this.#new.begin(given && (async () => given));
    this.#begun = true;
  }

  /**
   * Starts what has left of the old one. While the plugin is being stopped nobody needs it any more. Rejects where nothing of it is
   * left: what has fewer instances than it had still serves.
   */
  async #refill(): Promise<void> {
    const { supervisor } = this.#old;
    const { signal } = this.#tools;
    if (supervisor === undefined || signal.aborted) return;
    try {
      await this.#giveBack(supervisor, signal);
    } catch (error) {
      if (supervisor.replicas.length === 0) throw error;
      this.warnings.push(asPluginError(error, 'the old version has fewer instances than it had'));
    }
  }

  /** Instances of the old one come back, and of the new one leave where there is no room for both. */
  async #giveBack(old: Supervisor, signal: AbortSignal): Promise<void> {
    const { maxSurge = Number.POSITIVE_INFINITY } = this.#options;
    const { instances } = old.spec;
    const { next } = this;
    const most = Math.max(instances, next?.spec.instances ?? 0) + maxSurge;
    while (old.places < instances) {
      const there = next?.places ?? 0;
      const room = most - old.places - there;
      // What serves alone is not made smaller for what does not serve yet.
      const alone = this.#target.serving === next;
      if (room > 0 || next === undefined || there === 0 || alone) {
        await old.resize(Math.min(instances, old.places + Math.max(1, room)), signal);
      } else {
        await next.resize(there - 1, signal);
      }
      if (next !== undefined && !alone) this.#shifting?.balance(old, next);
    }
  }

  /** Whether the old one is asked for its state. */
  get #takesState(): boolean {
    const moves = this.#strategy === 'handoff' || this.#strategy === 'recreate';
    return moves && this.#old.supervisor?.description?.state !== undefined;
  }

  /** Nothing is handed over to the new one: it begins with what is kept, or anew. */
  get #beginsByItself(): boolean {
    if (this.#options.warm !== undefined) return false;
    return (
      this.#strategy === 'overlap' ||
      this.#shifting !== undefined ||
      (this.#lost && this.handoff.given === undefined)
    );
  }

  get #newInstance(): Instance {
    const { first } = this.#new;
    if (first === undefined) throw this.#lostBefore(this.#new);
    return first.instance;
  }

  /** What the new one is given. */
  get #moved() {
    const snapshot = this.handoff.given ?? this.handoff.taken;
    if (snapshot === undefined) throw new Error('no snapshot was taken');
    return snapshot;
  }

  get #cause(): { readonly reason: string; readonly message: string } {
    const { operation } = this.#options;
    return { reason: operation, message: `replaced by ${operation}` };
  }

  #letGo(): void {
    if (this.#heldSince === undefined) return;
    this.pauseMs = performance.now() - this.#heldSince;
    this.#heldSince = undefined;
    this.#target.letGo();
  }

  /** The limit of one wait: where calls are held, not longer than they can wait, the time to undo it left aside. */
  #limit({ held, step }: StepRow, ownMs: number): number {
    // Once the old one has been told to leave, giving up takes longer than going on.
    const undoable = this.#strategy === 'handoff' || untilLeaving.has(step);
    if (!held || this.#heldSince === undefined || !undoable) return ownMs;
    const holdMs = (this.#old.supervisor?.spec.restart.hold?.limitMs ?? 2_000) * holdShare;
    return Math.max(1, Math.min(ownMs, this.#heldSince + holdMs - performance.now()));
  }

  #expectWhole(next: Supervisor): void {
    if (!next.whole) throw this.#lostBefore(next);
  }

  /** Throws PluginError CONTRACT_BROKEN and CONTRACT_UNCHECKED. */
  async #compareContracts(): Promise<void> {
    const { force, contractPolicy: policy } = this.#options;
    const next = this.#new;
    await waitAtMost(this.#newInstance.contract(), contractTimeoutMs);
    this.contract = judgeContract({
      plugin: this.#target.name,
      version: this.spec.version,
      old: this.#old.supervisor?.sharedContract.reflected,
      next: next.sharedContract.reflected,
      given: this.spec.contract,
      policy,
      force,
    });
  }

  #lostBefore({ spec }: Supervisor): PluginError {
    return new PluginError(
      'PLUGIN_EXITED',
      `An instance of version ${spec.version} of plugin ${spec.name} exited before the swap.`,
    );
  }
}
