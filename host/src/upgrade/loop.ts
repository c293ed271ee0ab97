import type { LoopEnvironment, LoopOutcome, RunLoop } from './loop-environment';
import { type StepName, type StepRow, type UndoName, undoWords } from './step-table';

type Warning = LoopOutcome['warnings'][number];

/**
 * Takes an operation through the steps of its strategy. The table says what each step is worth: what its failure means,
 * how it is undone, and what comes of it when the old one's process is gone. Here is only how the rows are gone through.
 */
export const runLoop: RunLoop = async ({ rows }, environment) => {
  const run = new Run(environment);
  const outcome = await run.forward(rows);
  // The end of an operation that is over changes nothing any more: a restarted host would come to the same.
  await environment
    .journal({ kind: 'end', outcome: outcome.outcome })
    .catch((error: unknown) => run.warnings.push({ at: 'end', error }));
  return outcome;
};

class Run {
  readonly warnings: Warning[] = [];
  readonly #environment: LoopEnvironment;
  /** What would make it as if nothing had been done, the latest last. */
  readonly #undos: UndoName[] = [];

  constructor(environment: LoopEnvironment) {
    this.#environment = environment;
  }

  async forward(rows: readonly StepRow[]): Promise<LoopOutcome> {
    for (const row of rows) {
      const { step } = row;
      let begun = false;
      try {
        await this.#writeLine(row);
        begun = true;
        // Before it is begun: whatever comes of it, this makes it as if it had not been.
        if (row.undo !== undefined) this.#undos.push(row.undo);
        await this.#environment.perform(row);
      } catch (error) {
        if (
          row.onFailure === 'go-on' ||
          (begun && row.ifOldIsGone === 'done' && this.#environment.oldIsGone())
        ) {
          this.warnings.push({ at: step, error });
          continue;
        }
        if (row.onFailure === 'go-back') return this.#end('go-back', step, error);
        return this.#end((await this.#undoAll()) ? 'undone' : 'down', step, error);
      }
    }
    return { outcome: 'done', warnings: this.warnings };
  }

  async #writeLine(row: StepRow): Promise<void> {
    try {
      await this.#environment.journal({ kind: 'step', step: row.step });
    } catch (error) {
      // Once calls go to the new one, the last line says already what a restarted host has to do.
      if (row.phase !== 'after' || row.held) throw error;
      this.warnings.push({ at: row.step, error });
    }
  }

  #end(outcome: LoopOutcome['outcome'], step: StepName, error: unknown): LoopOutcome {
    return { outcome, failed: { step, error }, warnings: this.warnings };
  }

  /** The latest first, each once. Whether the old one serves again: all but a failed start of it leaves it able to. */
  async #undoAll(): Promise<boolean> {
    const settled = new Set<UndoName>();
    let serves = true;
    for (const undo of new Set(this.#undos.reverse())) {
      if (settled.has(undo)) continue;
      for (const { name, ok } of await this.#undo(undo)) {
        if (name === 'start-old') serves = ok;
        for (const covered of [name, ...(undoWords[name].covers ?? [])]) settled.add(covered);
      }
    }
    return serves;
  }

  /** Undoes one thing, or does instead what the table names; says what was tried. */
  async #undo(undo: UndoName): Promise<{ name: UndoName; ok: boolean }[]> {
    try {
      await this.#environment.journal({ kind: 'undo', undo });
    } catch (error) {
      // A restarted host undoes as well, from the line before.
      this.warnings.push({ at: undo, error });
    }
    try {
      await this.#environment.undo(undo);
      return [{ name: undo, ok: true }];
    } catch (error) {
      this.warnings.push({ at: undo, error });
      const { orElse } = undoWords[undo];
      return [{ name: undo, ok: false }, ...(orElse === undefined ? [] : await this.#undo(orElse))];
    }
  }
}
