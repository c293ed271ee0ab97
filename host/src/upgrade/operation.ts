import type { PluginError } from '@plugd/protocol/plugin-error';
import { type CallStatistics, noCalls } from '../routing/endpoint';
import type { HoldStatistics } from '../routing/swap-channel';
import type { Snapshot } from '../state/snapshot';
import type { ShiftProgress } from '../strategies/traffic';
import type { Supervisor } from '../supervision/supervisor';
import { asPluginError } from './as-plugin-error';
import { callsSince } from './calls-since';
import { runLoop } from './loop';
import type { JournalLine, LoopEnvironment, LoopOutcome } from './loop-environment';
import { MemoryWatch } from './memory-watch';
import type { OperationOptions } from './operation-options';
import { OperationSteps } from './operation-steps';
import type { OperationTarget, OperationTools } from './operation-target';
import type { UpgradeReport } from './report';
import { type OnRestart, type StepCondition, type StepRow, strategies, type UndoName } from './step-table';
import { StepWork } from './step-work';
import { judge, requireMet, type Verdict } from './verdict';

/** What came of an operation that did not do what it was to do. */
export interface OperationFailure {
  readonly outcome: Exclude<LoopOutcome['outcome'], 'done'>;
  readonly error: PluginError;
  /** What served before and is still there, though it is of no use any more. */
  readonly left: Supervisor | undefined;
}

/** One upgrade, restart or rollback: takes its strategy's steps through the loop, and says what came of it. */
export class Operation implements LoopEnvironment {
  readonly #target: OperationTarget;
  readonly #options: OperationOptions;
  readonly #tools: OperationTools;
  readonly #steps: OperationSteps;
  readonly #old: Supervisor | undefined;
  readonly #work: StepWork;
  readonly #hostMemoryBefore = process.memoryUsage.rss();
  readonly #before: {
    readonly holds: HoldStatistics;
    readonly old: CallStatistics;
    readonly inFlight: number;
  };
  readonly #memory: MemoryWatch;
  readonly #rows: readonly StepRow[];
  /** Where it is. */
  #row: StepRow | undefined;
  /** What a restarted host would do by the last line. */
  #onRestart: OnRestart | undefined;
  /** A line that changes it is not safe from a loss of power yet. */
  #unsynced = false;
  /** The snapshot that the lines tell of. */
  #told: Snapshot | undefined;
  /** Why a line could not be kept that nobody waited for. */
  #lostLine: unknown;

  constructor(target: OperationTarget, options: OperationOptions, tools: OperationTools) {
    this.#target = target;
    this.#options = options;
    this.#tools = tools;
    this.#old = target.serving;
    this.#work = new StepWork(target, options, tools, this.#old, (progress) => this.#shifting(progress));
    this.#rows = this.#neededRows();
    this.#work.bakes = this.#rows.some(({ step }) => step === 'bake');
    const { generation } = this.#old ?? {};
    this.#before = {
      holds: target.holdStatistics,
      old: generation?.statistics ?? noCalls,
      inFlight: generation?.inFlight ?? 0,
    };
    this.#memory = new MemoryWatch(tools.platform, {
      old: () => this.#old?.pids ?? [],
      new: () => this.#work.next?.pids ?? [],
    });
    const { operation, version: toVersion, onProgress } = options;
    this.#steps = new OperationSteps(
      { plugin: target.name, operation, fromVersion: target.last.version, toVersion },
      tools.emit,
      onProgress,
    );
  }

  /** Its steps, in their order: those of the strategy that there is need for. */
  #neededRows(): readonly StepRow[] {
    const { strategy, dryRun } = this.#options;
    const all = strategies[strategy].filter(({ when }) => this.#needs(when));
    if (!dryRun) return all;
    // Up to what calls would notice, and nothing that is done to the old one.
    const proof = all.filter(({ step }) => step !== 'make-room');
    return proof.slice(
      0,
      proof.findIndex(({ held, step }) => held || step === 'shift' || step === 'swap'),
    );
  }

  /** Never rejects. */
  async run(): Promise<UpgradeReport | OperationFailure> {
    const { dryRun, strategy } = this.#options;
    await this.#memory.before();
    try {
      const { outcome, failed, warnings } = await runLoop({ strategy, rows: this.#rows }, this);
      this.#work.warnings.push(...warnings.map(({ at, error }) => asPluginError(error, `${at} failed`)));
      if (outcome !== 'done') {
        const left = outcome === 'go-back' ? this.#old : undefined;
        return { outcome, error: this.#failure(outcome, failed), left };
      }
      if (dryRun) await this.#steps.run('stop', () => this.#work.finishDryRun(), 100);
      await this.#memory.after();
      return this.#report(dryRun ? 'verified' : 'swapped');
    } finally {
      this.#options.controls.end();
      await this.#work.handoff.discard();
    }
  }

  // The loop's environment.

  journal(line: JournalLine): Promise<void> {
    if (line.kind !== 'step') return this.#tools.journal(line, true);
    const row = this.#rows.find(({ step }) => step === line.step);
    const { signal } = this.#options;
    // What is not begun need not be undone.
    if (row?.phase !== 'after' && signal.aborted) return Promise.reject(signal.reason);
    const turns = row?.onRestart !== this.#onRestart;
    this.#onRestart = row?.onRestart;
    this.#unsynced ||= turns;
    // Not while calls wait: the disk takes its time, and until the next line only a loss of power would undo this one.
    const sync = this.#unsynced && (row?.held !== true || row.step === 'hold');
    if (sync) this.#unsynced = false;
    if (this.#lostLine !== undefined) return Promise.reject(this.#lostLine);
    const kept = this.#tools.journal(line, sync);
    const { taken } = this.#work.handoff;
    const news = turns || sync || taken !== this.#told;
    this.#told = taken;
    // A successor would do the same by the line before it: calls need not wait for one that says no more than that.
    if (news || row?.held !== true) return kept;
    kept.catch((error: unknown) => {
      this.#lostLine ??= error;
    });
    return Promise.resolve();
  }

  oldIsGone(): boolean {
    return this.#work.oldIsGone();
  }

  async perform(row: StepRow): Promise<void> {
    const { signal } = this.#options;
    this.#row = row;
    // What has swapped comes to its end: nobody would be left to serve.
    if (row.phase !== 'after' && signal.aborted) throw signal.reason;
    if (row.phase === 'after' && !row.held && row.step !== 'bake') this.#options.controls.end();
    await this.#steps.run(row.step, () => this.#work.perform[row.step](row), row.percent);
    // Not while calls wait for it.
    if (!row.held) await this.#memory.look();
    if (row.step === 'bake' && this.#options.strict) requireMet(this.#verdict());
  }

  async undo(undo: UndoName): Promise<void> {
    this.#options.controls.end();
    await this.#steps.undo(undo, () => this.#work.undo[undo]());
  }

  #shifting(progress: ShiftProgress): void {
    this.#steps.shifting(progress, this.#row?.percent ?? 100);
  }

  /** Whether there is need for the rows with this condition. */
  #needs(condition: StepCondition): boolean {
    const { description } = this.#old ?? {};
    switch (condition) {
      case 'always':
      case 'contract-given':
        return true;
      case 'verify-given':
        return this.#options.verify !== undefined || this.#options.check !== undefined;
      case 'stateful':
        return description?.state !== undefined;
      case 'exclusive':
        return description !== undefined && description.resources.length > 0;
      case 'not-kept-warm':
        return !this.#options.keepsWarm;
      case 'bake-asked':
        return this.#options.bakeMs > 0 || this.#options.strict || this.#options.shift?.bake !== undefined;
      case 'no-surge':
        return this.#options.maxSurge === 0;
    }
  }

  /** What is thrown: the failure, with what came of it. */
  #failure(outcome: OperationFailure['outcome'], failed: LoopOutcome['failed']): PluginError {
    const { operation } = this.#options;
    const failure = asPluginError(failed?.error, `The ${operation} failed at ${failed?.step}`);
    const warnings = this.#work.warnings.map(({ code, summary }) => `${code}: ${summary}`);
    return failure.withFacts({
      ...(failed === undefined ? {} : { step: failed.step }),
      strategy: this.#options.strategy,
      ...(outcome === 'undone' ? {} : { outcome }),
      ...(warnings.length === 0 ? {} : { warnings }),
    });
  }

  get #heldCalls(): number {
    return this.#target.holdStatistics.heldEver - this.#before.holds.heldEver;
  }

  get #resumedCalls(): number {
    return this.#oldCalls.resumed + this.#work.newCalls.resumed;
  }

  /** What has come of calls on the old one since this began. */
  get #oldCalls(): CallStatistics {
    return callsSince(this.#before.old, this.#old?.generation.statistics ?? noCalls);
  }

  /** What was measured until now, held against what the new one's options expect. */
  #verdict(): Verdict {
    const { holds } = this.#before;
    const { calls, pauseMs, handoff, newCalls, spec } = this.#work;
    const now = this.#target.holdStatistics;
    const oldCalls = this.#oldCalls;
    const inFlight = this.#before.inFlight + this.#work.inFlightBefore;
    const held = this.#heldCalls;
    const refused = now.refused - holds.refused + (now.expired - holds.expired);
    return judge(
      {
        totalMs: this.#steps.elapsedMs,
        steps: this.#steps.done,
        pauseMs: held === 0 && pauseMs === 0 ? undefined : pauseMs,
        calls: {
          all: inFlight + oldCalls.started + newCalls.started + refused,
          held,
          drained: calls.drained,
          cut: calls.cut,
          failed: failedOf(oldCalls) + newCalls.lost + refused,
          retried: oldCalls.retried + newCalls.retried,
        },
        memory: this.#memory.measured,
        snapshotBytes: handoff.taken?.bytes,
      },
      spec.expect,
    );
  }

  #report(outcome: UpgradeReport['outcome']): UpgradeReport {
    const { from, to, contract, handoff, pauseMs, calls, warnings, spec, next } = this.#work;
    return {
      plugin: this.#target.name,
      operation: this.#options.operation,
      strategy: this.#options.strategy,
      outcome,
      from,
      to: to ?? {
        version: spec.version,
        generation: next?.generation.number ?? 0,
        pid: undefined,
        memoryBytes: undefined,
      },
      steps: this.#steps.done,
      totalMs: this.#steps.elapsedMs,
      pauseMs,
      stateBytes: handoff.taken?.bytes,
      contract,
      calls: { ...calls, held: this.#heldCalls, resumed: this.#resumedCalls },
      hostMemoryBytes: { before: this.#hostMemoryBefore, after: process.memoryUsage.rss() },
      verdict: this.#verdict(),
      shift: this.#work.shifted,
      warnings,
    };
  }
}

/** Calls that got no answer of the plugin's, but for those that may be cut. */
function failedOf({ lost, cut, excused }: CallStatistics): number {
  return lost + cut - excused;
}
