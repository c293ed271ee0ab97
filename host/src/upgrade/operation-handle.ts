import type { ShiftProgress } from '../strategies/traffic';
import { OperationControls } from './operation-controls';
import type { OperationName, OperationStep, UpgradeReport } from './report';
import type { UndoName } from './step-table';

/** How far an operation has come. */
export interface OperationProgress {
  /** The step; or what is being undone, after a step has failed. */
  readonly step: OperationStep | UndoName;
  readonly phase: 'started' | 'running' | 'done' | 'failed' | 'undoing' | 'undone';
  /** Since the operation began, in milliseconds. */
  readonly elapsedMs: number;
  /** How far it is, from 0 to 100. */
  readonly percent: number;
  /** With `running`: what the strategy tells, while both versions share the calls. */
  readonly shift?: ShiftProgress;
}

/** An operation that somebody has just asked for: the application, the directory of plugins, or a plugin's limits. */
export interface BegunOperation {
  /** Its own for good: the journal has it too. */
  readonly id: string;
  readonly plugin: string;
  readonly operation: OperationName;
  /** What runs now. An operation that waits for another one may find something else. */
  readonly fromVersion: string;
  readonly toVersion: string;
  readonly handle: OperationHandle;
}

/**
 * An operation under way. `await` gives its report, or throws the PluginError that ended it; `for await` gives its
 * progress, from the beginning, and ends with the operation, whatever its outcome. Whoever does neither has no
 * unhandled rejection.
 */
export class OperationHandle implements PromiseLike<UpgradeReport>, AsyncIterable<OperationProgress> {
  readonly #outcome: Promise<UpgradeReport>;
  readonly #progress: OperationProgress[] = [];
  readonly #controls = new OperationControls();
  #wake: (() => void)[] = [];
  #ended = false;

  constructor(
    run: (
      report: (progress: OperationProgress) => void,
      controls: OperationControls,
    ) => Promise<UpgradeReport>,
  ) {
    this.#outcome = run((progress) => {
      this.#progress.push(progress);
      this.#signal();
    }, this.#controls).finally(() => {
      this.#controls.end();
      this.#ended = true;
      this.#signal();
    });
    this.#outcome.catch(() => {});
  }

  /**
   * Promotes the new version now, whatever its strategy still waits for: the swap follows. For an operation whose strategy shifts no
   * calls it changes nothing. Returns false once it is too late: the operation is over, or given up.
   */
  promote(): boolean {
    return this.#controls.promote();
  }

  /**
   * Gives the operation up: before the swap, and within its bake, all is undone, and the old version serves alone; then the handle
   * throws ABORTED. Returns false once it is too late, since the old version is being drained or the operation is over.
   *
   * @param reason for the error's sentence
   */
  abort(reason?: string): boolean {
    return this.#controls.abort(reason);
  }

  // A handle is awaited like a promise; that is its purpose.
  // biome-ignore lint/suspicious/noThenProperty: the interface of PromiseLike
  then<A = UpgradeReport, B = never>(
    onReport?: ((report: UpgradeReport) => A | PromiseLike<A>) | null,
    onError?: ((error: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.#outcome.then(onReport, onError);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<OperationProgress, void, undefined> {
    for (let next = 0; ; ) {
      const progress = this.#progress[next];
      if (progress !== undefined) {
        next++;
        yield progress;
      } else if (this.#ended) {
        return;
      } else {
        await new Promise<void>((resolve) => this.#wake.push(resolve));
      }
    }
  }

  #signal(): void {
    const wake = this.#wake;
    this.#wake = [];
    for (const resolve of wake) resolve();
  }
}
