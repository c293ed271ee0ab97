import type { PluginError } from '@plugd/protocol/plugin-error';
import type { ShiftProgress } from '../strategies/traffic';
import type { ContractJudgement } from './contract-policy';
import type { StepName, StrategyName } from './step-table';
import { formatVerdict, type Verdict } from './verdict';

export type OperationName = 'upgrade' | 'restart' | 'rollback';

/** A step of an operation: the table in docs/architecture.md says what each does. */
export type OperationStep = StepName;

/** A step that was done. */
export interface StepReport {
  readonly step: OperationStep;
  /** How long it took, in milliseconds. */
  readonly elapsedMs: number;
}

/** One side of an operation. */
export interface SideReport {
  readonly version: string;
  readonly generation: number;
  /** Undefined where it had no process. */
  readonly pid: number | undefined;
  /** Resident memory in bytes just before the swap; undefined where the system doesn't tell. */
  readonly memoryBytes: number | undefined;
}

/** What an upgrade or a restart did, in numbers. */
export interface UpgradeReport {
  readonly plugin: string;
  readonly operation: OperationName;
  readonly strategy: StrategyName;
  /**
   * `swapped`: the new one serves. `verified`: a dry run; the new one was proved and stopped again.
   */
  readonly outcome: 'swapped' | 'verified';
  readonly from: SideReport;
  readonly to: SideReport;
  /** In the order in which they were done; steps that there was no need for are left out. */
  readonly steps: readonly StepReport[];
  /** From the beginning of its first step, in milliseconds. What it waited for its turn is not in it. */
  readonly totalMs: number;
  /** How long new calls had to wait in the host, in milliseconds: 0 where they did not. */
  readonly pauseMs: number;
  /** The size of the state that was handed over; undefined where none was. */
  readonly stateBytes: number | undefined;
  /** What the new version's contract changes, as far as descriptors tell, and whether that was put up with. */
  readonly contract: ContractJudgement;
  readonly calls: {
    /** Calls that had to wait in the host. */
    readonly held: number;
    /** Calls that were in flight on the old one at the swap and ended by themselves. */
    readonly drained: number;
    /** Calls that outlived the drain and were cut. */
    readonly cut: number;
    /**
     * Calls that failed because the old one was lost while it drained, and those that were cut, where their method is not
     * marked as one that may be (`plugd.may_be_cut`).
     */
    readonly failed: number;
    /** Calls of the new one that were begun anew after an instance was lost. */
    readonly retried: number;
    /** Streams that left an instance before their end and went on elsewhere (`plugd.resumable`). */
    readonly resumed: number;
    /** The longest time for which a call had to wait for the new one, in milliseconds. */
    readonly longestWaitMs: number;
  };
  /** Resident memory of the host before and after, in bytes. */
  readonly hostMemoryBytes: { readonly before: number; readonly after: number };
  /** What its plugin's options expect of it (`expect`), and what was measured. */
  readonly verdict: Verdict;
  /** What its strategy told while both versions shared the calls, in its order; undefined where they did not. */
  readonly shift: { readonly progress: readonly ShiftProgress[] } | undefined;
  /** What went wrong after the swap and did not change the outcome: an old process that could not be ended. */
  readonly warnings: readonly PluginError[];
}

export const noCalls: UpgradeReport['calls'] = {
  held: 0,
  drained: 0,
  cut: 0,
  failed: 0,
  retried: 0,
  resumed: 0,
  longestWaitMs: 0,
};

/** All of it for people: the line of {@link formatReport}, and a table of what was expected and measured. */
export function formatReportTable(report: UpgradeReport): string {
  return `${formatReport(report)}\n${formatVerdict(report.verdict)}`;
}

/** One line for people. */
export function formatReport(report: UpgradeReport): string {
  const { calls, from, to } = report;
  const warnings = report.warnings.map(({ message }) => `; ${message}`).join('');
  const steps = report.steps.map(({ step, elapsedMs }) => `${step} ${elapsedMs.toFixed(1)}`).join(', ');
  return (
    `${report.plugin}: ${report.operation} by ${report.strategy} ${from.version} → ${to.version} ${report.outcome} in ` +
    `${report.totalMs.toFixed(0)} ms (${steps}); calls held ${calls.held}, drained ${calls.drained}, cut ${calls.cut}, ` +
    `failed ${calls.failed}, resumed ${calls.resumed}, longest wait ${calls.longestWaitMs.toFixed(1)} ms; memory ` +
    `${mebibytes(from.memoryBytes)} → ${mebibytes(to.memoryBytes)}${warnings}`
  );
}

function mebibytes(bytes: number | undefined): string {
  return bytes === undefined ? 'unknown' : `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}
