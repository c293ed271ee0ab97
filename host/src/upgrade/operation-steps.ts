import { PluginError } from '@plugd/protocol/plugin-error';
import { errorCause } from '../events/error-cause';
import type { EmitEvent } from '../events/host-event';
import type { ShiftProgress } from '../strategies/traffic';
import type { OperationProgress } from './operation-handle';
import type { OperationName, OperationStep, StepReport } from './report';
import type { UndoName } from './step-table';

export interface OperationIdentity {
  readonly plugin: string;
  readonly operation: OperationName;
  readonly fromVersion: string;
  readonly toVersion: string;
}

/** Runs the steps of one operation: times each, says how it goes, and puts its name into the error that ends it. */
export class OperationSteps {
  readonly done: StepReport[] = [];
  #percent = 0;
  #step: OperationStep = 'shift';
  readonly #began = performance.now();
  readonly #identity: OperationIdentity;
  readonly #emit: EmitEvent;
  readonly #onProgress: (progress: OperationProgress) => void;

  constructor(
    identity: OperationIdentity,
    emit: EmitEvent,
    onProgress: (progress: OperationProgress) => void,
  ) {
    this.#identity = identity;
    this.#emit = emit;
    this.#onProgress = onProgress;
  }

  get elapsedMs(): number {
    return performance.now() - this.#began;
  }

  /** @param percent how far the operation is when the step is done */
  async run<T>(step: OperationStep, work: () => Promise<T> | T, percent: number): Promise<T> {
    const began = performance.now();
    this.#step = step;
    this.#say(step, 'started');
    try {
      const result = await work();
      this.done.push({ step, elapsedMs: performance.now() - began });
      this.#percent = percent;
      this.#say(step, 'done');
      return result;
    } catch (error) {
      const failure = error instanceof PluginError ? error.withFacts({ step }) : error;
      this.#say(step, 'failed', failure);
      throw failure;
    }
  }

  /**
   * Tells of what goes on within a step.
   *
   * @param until how far the operation is when the step is done
   */
  shifting(shift: ShiftProgress, until: number): void {
    const done = shift.done ?? shift.percentNew / 100;
    const percent = this.#percent + (until - this.#percent) * Math.min(1, Math.max(0, done));
    const { elapsedMs } = this;
    const step = this.#step;
    this.#onProgress({ step, phase: 'running', elapsedMs, percent, shift });
    const cause = { reason: 'shift', message: shift.message };
    this.#emit({ type: 'operation', ...this.#identity, step, phase: 'running', percent, cause });
  }

  /** Undoes something after a step has failed. */
  async undo(undo: UndoName, work: () => Promise<void>): Promise<void> {
    this.#say(undo, 'undoing');
    try {
      await work();
      this.#say(undo, 'undone');
    } catch (error) {
      this.#say(undo, 'failed', error);
      throw error;
    }
  }

  #say(step: OperationProgress['step'], phase: OperationProgress['phase'], error?: unknown): void {
    this.#onProgress({ step, phase, elapsedMs: this.elapsedMs, percent: this.#percent });
    const cause =
      error instanceof PluginError ? errorCause(error) : { reason: error === undefined ? 'asked' : 'error' };
    this.#emit({ type: 'operation', ...this.#identity, step, phase, percent: this.#percent, cause });
  }
}
