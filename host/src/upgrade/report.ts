import type { PluginError } from '@plugd/protocol/plugin-error';

/** The steps of an operation, in their order. The ones before `swap` change nothing for callers. */
export type OperationStep =
  | 'prepare'
  | 'start'
  | 'health'
  | 'contract'
  | 'verify'
  | 'swap'
  | 'drain'
  | 'stop';

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
  readonly operation: 'upgrade' | 'restart';
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
  readonly calls: {
    /** Calls that were in flight on the old one at the swap and ended by themselves. */
    readonly drained: number;
    /** Calls that outlived the drain and were cut. */
    readonly cut: number;
    /** Calls that failed because the old one was lost while it drained. */
    readonly failed: number;
    /** The longest time for which a call had to wait for the new one, in milliseconds. */
    readonly longestWaitMs: number;
  };
  /** Resident memory of the host before and after, in bytes. */
  readonly hostMemoryBytes: { readonly before: number; readonly after: number };
  /** What went wrong after the swap and did not change the outcome: an old process that could not be ended. */
  readonly warnings: readonly PluginError[];
}

/** One line for people. */
export function formatReport(report: UpgradeReport): string {
  const { calls, from, to } = report;
  const warnings = report.warnings.map(({ message }) => `; ${message}`).join('');
  const steps = report.steps.map(({ step, elapsedMs }) => `${step} ${elapsedMs.toFixed(1)}`).join(', ');
  return (
    `${report.plugin}: ${report.operation} ${from.version} → ${to.version} ${report.outcome} in ` +
    `${report.totalMs.toFixed(0)} ms (${steps}); calls drained ${calls.drained}, cut ${calls.cut}, ` +
    `failed ${calls.failed}, longest wait ${calls.longestWaitMs.toFixed(1)} ms; memory ` +
    `${mebibytes(from.memoryBytes)} → ${mebibytes(to.memoryBytes)}${warnings}`
  );
}

function mebibytes(bytes: number | undefined): string {
  return bytes === undefined ? 'unknown' : `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}
