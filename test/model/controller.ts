import type { JournalLine, LoopOutcome } from '../../host/src/upgrade/loop-environment';
import { type StepName, type StepRow, type UndoName, undoWords } from '../../host/src/upgrade/step-table';

// The loop as a machine without time: what it asks next follows from its state, its next state from the answer. The
// state is plain data, so that it can be compared and explored.

export interface ControllerState {
  readonly mode: 'line' | 'step' | 'undo-line' | 'undo' | 'end-line' | 'ended';
  /** The row that it is at. */
  readonly index: number;
  /** Undos that are still to be done, in their order; the first one is being done. */
  readonly undos: readonly UndoName[];
  readonly undone: readonly UndoName[];
  readonly failed: StepName | undefined;
  readonly outcome: LoopOutcome['outcome'];
}

export type Ask =
  | { readonly ask: 'journal'; readonly line: JournalLine }
  | { readonly ask: 'perform'; readonly row: StepRow }
  | { readonly ask: 'undo'; readonly undo: UndoName };

export interface Answer {
  readonly ok: boolean;
  /** With a failed step: whether the old one's process is no more. */
  readonly oldIsGone: boolean;
}

/** What a mutation of the machine may take from it. */
export interface ControllerRules {
  readonly undoInReverse: boolean;
  readonly journalUndos: boolean;
  /** The line of a step comes before it. */
  readonly lineFirst: boolean;
  /** What can't be undone is made good in another way, where there is one. */
  readonly elseUndo: boolean;
}

export const soundController: ControllerRules = {
  undoInReverse: true,
  journalUndos: true,
  lineFirst: true,
  elseUndo: true,
};

export function begin(rules: ControllerRules): ControllerState {
  const mode = rules.lineFirst ? 'line' : 'step';
  return { mode, index: 0, undos: [], undone: [], failed: undefined, outcome: 'done' };
}

export function nextAsk(state: ControllerState, rows: readonly StepRow[]): Ask | undefined {
  const row = rows[state.index];
  const [undo] = state.undos;
  switch (state.mode) {
    case 'line':
      return row && { ask: 'journal', line: { kind: 'step', step: row.step } };
    case 'step':
      return row && { ask: 'perform', row };
    case 'undo-line':
      return undo && { ask: 'journal', line: { kind: 'undo', undo } };
    case 'undo':
      return undo && { ask: 'undo', undo };
    case 'end-line':
      return { ask: 'journal', line: { kind: 'end', outcome: state.outcome } };
    case 'ended':
      return undefined;
  }
}

export function answered(
  state: ControllerState,
  answer: Answer,
  rows: readonly StepRow[],
  rules: ControllerRules,
): ControllerState {
  const row = rows[state.index];
  switch (state.mode) {
    case 'line': {
      if (row === undefined) throw new Error('no such row');
      if (!rules.lineFirst) return forward(state, rows, rules);
      // Nothing that could still be undone is begun without its line; what only tidies up is.
      const needed = row.phase !== 'after' || row.held;
      return !answer.ok && needed ? backward(state, row, false, rows, rules) : { ...state, mode: 'step' };
    }
    case 'step': {
      if (row === undefined) throw new Error('no such row');
      const done = answer.ok || (row.ifOldIsGone === 'done' && answer.oldIsGone) || row.onFailure === 'go-on';
      if (done) return rules.lineFirst ? forward(state, rows, rules) : { ...state, mode: 'line' };
      if (row.onFailure === 'go-back') {
        return { ...state, mode: 'end-line', failed: row.step, outcome: 'go-back' };
      }
      return backward(state, row, true, rows, rules);
    }
    case 'undo-line':
      return { ...state, mode: 'undo' };
    case 'undo':
      return afterUndo(state, answer.ok, rules);
    case 'end-line':
    case 'ended':
      return { ...state, mode: 'ended' };
  }
}

function forward(state: ControllerState, rows: readonly StepRow[], rules: ControllerRules): ControllerState {
  const index = state.index + 1;
  if (index === rows.length) return { ...state, index, mode: 'end-line' };
  return { ...state, index, mode: rules.lineFirst ? 'line' : 'step' };
}

/** Everything that was begun is undone, the latest first. */
function backward(
  state: ControllerState,
  row: StepRow,
  begun: boolean,
  rows: readonly StepRow[],
  rules: ControllerRules,
): ControllerState {
  const undos: UndoName[] = [];
  for (const { undo } of rows.slice(0, state.index + (begun ? 1 : 0)).reverse()) {
    if (undo !== undefined && !undos.includes(undo)) undos.push(undo);
  }
  if (!rules.undoInReverse) undos.reverse();
  return nextUndo({ ...state, undos, failed: row.step, outcome: 'undone' }, rules);
}

function afterUndo(state: ControllerState, ok: boolean, rules: ControllerRules): ControllerState {
  const [undo, ...rest] = state.undos;
  if (undo === undefined) throw new Error('nothing to undo');
  const { orElse } = undoWords[undo];
  const undone = [...state.undone, undo];
  if (ok) return nextUndo({ ...state, undos: rest, undone }, rules);
  const outcome = undo === 'start-old' ? 'down' : state.outcome;
  const instead = rules.elseUndo && orElse !== undefined && !undone.includes(orElse) ? [orElse] : [];
  const undos = [...instead, ...rest.filter((later) => !instead.includes(later))];
  return nextUndo({ ...state, undos, undone, outcome }, rules);
}

/** Leaves out what another undo has made needless. */
function nextUndo(state: ControllerState, rules: ControllerRules): ControllerState {
  const covered = state.undone.flatMap((undo) => undoWords[undo].covers ?? []);
  const undos = state.undos.filter((undo) => !covered.includes(undo));
  if (undos.length === 0) return { ...state, undos, mode: 'end-line' };
  return { ...state, undos, mode: rules.journalUndos ? 'undo-line' : 'undo' };
}

/**
 * What the operation has said until now of who may be called: `before` anything is shared, or `between`; `after` the swap;
 * `undone`, when all has been.
 */
export function placeIn(
  { mode, index, failed, outcome }: ControllerState,
  rows: readonly StepRow[],
): 'before' | 'between' | 'after' | 'undone' {
  if (mode === 'ended' && outcome === 'undone') return 'undone';
  if (failed !== undefined && outcome !== 'go-back') return 'between';
  const swap = rows.findIndex(({ step }) => step === 'swap');
  if (index > swap) return 'after';
  const first = rows.findIndex(({ step }) => step === 'shift' || step === 'swap');
  const begun = index > first || (index === first && mode === 'step');
  return begun && !rows.slice(index).some(({ step }) => proofs.has(step)) ? 'between' : 'before';
}

/** Before these nobody should be called who is new. */
const proofs: ReadonlySet<StepName> = new Set(['health', 'contract', 'verify']);

/** What a restarted host decides by the last line of an operation. */
export function decideRecovery(
  line: JournalLine | undefined,
  rows: readonly StepRow[],
): 'nothing' | 'old' | 'new' {
  if (line === undefined) return 'nothing';
  if (line.kind === 'end') return 'nothing';
  if (line.kind === 'undo') return 'old';
  const row = rows.find(({ step }) => step === line.step);
  return row?.onRestart === 'finish' ? 'new' : 'old';
}
