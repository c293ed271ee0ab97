import type { StepName, StepRow, StrategyName, UndoName } from './step-table';

/**
 * One line of the journal of an operation. It is safe on disk before what it names is begun: a host that was killed finds
 * that at most the last line's work was begun and not done. While calls wait, a step may begin before its line is there if the
 * line says no more than the one before it: by both a restarted host does the same.
 */
export type JournalLine =
  | { readonly kind: 'step'; readonly step: StepName }
  | { readonly kind: 'undo'; readonly undo: UndoName }
  | { readonly kind: 'end'; readonly outcome: LoopOutcome['outcome'] };

/**
 * All that the loop asks of the world. What it does is decided by the table and by how these promises settle, by
 * nothing else: a fake one that answers as a trace says takes the loop through that trace.
 */
export interface LoopEnvironment {
  /** Rejects where the line could not be kept. Then what it names is not begun. */
  journal(line: JournalLine): Promise<void>;
  /**
   * Does a step, within its limit, and settles within it. After a rejection nobody knows what of it was done, or
   * will still be done by a plugin that is only late: `undo` has to put up with each of these.
   */
  perform(row: StepRow): Promise<void>;
  /** Undoes a step, within its limit. */
  undo(undo: UndoName): Promise<void>;
  /**
   * Whether the old one's process is no more. Asked after a step has failed that the table calls done without it
   * (`ifOldIsGone`): then the failure is none.
   */
  oldIsGone(): boolean;
}

/** How an operation ended. */
export interface LoopOutcome {
  /**
   * `done`: the new one serves. `undone`: the old one does. `down`: neither; calls fail with a code.
   * `go-back`: the new one answered calls and is refused; the caller begins an operation in the other direction.
   */
  readonly outcome: 'done' | 'undone' | 'down' | 'go-back';
  /** What decided it. Absent: nothing failed before the point from which a failure changes nothing. */
  readonly failed?: { readonly step: StepName; readonly error: unknown };
  /** What went wrong without changing the outcome, in its order. */
  readonly warnings: readonly { readonly at: StepName | UndoName | 'end'; readonly error: unknown }[];
}

/** Which steps of the strategy there is need for: the rows whose condition holds, in the table's order. */
export interface LoopPlan {
  readonly strategy: StrategyName;
  readonly rows: readonly StepRow[];
}

/** The loop. Never rejects. */
export type RunLoop = (plan: LoopPlan, environment: LoopEnvironment) => Promise<LoopOutcome>;

/** All that a host asks of the world that finds an operation in its journal which has no end. */
export interface RecoveryEnvironment {
  journal(line: JournalLine): Promise<void>;
  /** Ends and removes what the operation's processes left, both sides'. Before anything is started. */
  removeLeftovers(): Promise<void>;
  /** Starts one of the operation's two versions, with the last snapshot if there is one, and lets calls go to it. */
  start(version: 'old' | 'new'): Promise<void>;
}

export type RunRecovery = (
  plan: LoopPlan,
  lines: readonly JournalLine[],
  environment: RecoveryEnvironment,
) => Promise<'nothing' | 'old' | 'new' | 'down'>;
