import { PluginError } from '@plugd/protocol/plugin-error';
import type { EmitEvent } from '../events/host-event';
import type { OperationProgress } from './operation-handle';
import type { OperationStep, StepReport } from './report';

export interface OperationIdentity {
  readonly plugin: string;
  readonly operation: 'upgrade' | 'restart';
  readonly fromVersion: string;
  readonly toVersion: string;
}

/** Runs the steps of one operation: times each, says how it goes, and puts its name into the error that ends it. */
export class OperationSteps {
  readonly done: StepReport[] = [];
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

  readonly run = async <T>(step: OperationStep, work: () => Promise<T> | T): Promise<T> => {
    const began = performance.now();
    this.#say(step, 'started');
    try {
      const result = await work();
      this.done.push({ step, elapsedMs: performance.now() - began });
      this.#say(step, 'done');
      return result;
    } catch (error) {
      const failure = error instanceof PluginError ? error.withFacts({ step }) : error;
      this.#say(step, 'failed', failure);
      throw failure;
    }
  };

  #say(step: OperationStep, phase: OperationProgress['phase'], error?: unknown): void {
    this.#onProgress({ step, phase, elapsedMs: this.elapsedMs });
    const cause =
      error instanceof PluginError
        ? { reason: 'error', code: error.code, message: error.summary }
        : { reason: error === undefined ? 'asked' : 'error' };
    this.#emit({ type: 'operation', ...this.#identity, step, phase, cause });
  }
}
