import type { StepName, StepRow, UndoName } from '../../host/src/upgrade/step-table';
import type { Choice, Mutation } from './settings';

/** A bug that is put in on purpose, and what the model has to say of it. */
export interface Seeded {
  readonly name: string;
  readonly choice: Choice;
  readonly mutation: Mutation;
  readonly found: RegExp;
}

export type Rows = readonly StepRow[];

export const without =
  (...steps: readonly StepName[]) =>
  (rows: Rows): Rows =>
    rows.filter(({ step }) => !steps.includes(step));

/** Takes a step from its place and puts it before another one. */
export const before =
  (other: StepName, moved: StepName) =>
  (rows: Rows): Rows => {
    const row = rows.filter(({ step }) => step === moved);
    const rest = without(moved)(rows);
    const place = rest.findIndex(({ step }) => step === other);
    return [...rest.slice(0, place), ...row, ...rest.slice(place)];
  };

export const withoutUndo =
  (undo: UndoName, ...steps: readonly StepName[]) =>
  (rows: Rows): Rows =>
    rows.map((row) => {
      if (row.undo !== undo || (steps.length > 0 && !steps.includes(row.step))) return row;
      const { undo: _undo, ...kept } = row;
      return kept;
    });

export const altered =
  (step: StepName, changes: Partial<StepRow>) =>
  (rows: Rows): Rows =>
    rows.map((row) => (row.step === step ? { ...row, ...changes } : row));
