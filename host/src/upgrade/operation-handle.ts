import type { OperationStep, UpgradeReport } from './report';
import type { UndoName } from './step-table';

/** How far an operation has come. */
export interface OperationProgress {
  /** The step; or what is being undone, after a step has failed. */
  readonly step: OperationStep | UndoName;
  readonly phase: 'started' | 'done' | 'failed' | 'undoing' | 'undone';
  /** Since the operation began, in milliseconds. */
  readonly elapsedMs: number;
  /** How far it is, from 0 to 100. */
  readonly percent: number;
}

/**
 * An operation under way. `await` gives its report, or throws the PluginError that ended it; `for await` gives its
 * progress, from the beginning, and ends with the operation, whatever its outcome. Whoever does neither has no
 * unhandled rejection.
 */
export class OperationHandle implements PromiseLike<UpgradeReport>, AsyncIterable<OperationProgress> {
  readonly #outcome: Promise<UpgradeReport>;
  readonly #progress: OperationProgress[] = [];
  #wake: (() => void)[] = [];
  #ended = false;

  constructor(run: (report: (progress: OperationProgress) => void) => Promise<UpgradeReport>) {
    this.#outcome = run((progress) => {
      this.#progress.push(progress);
      this.#signal();
    }).finally(() => {
      this.#ended = true;
      this.#signal();
    });
    this.#outcome.catch(() => {});
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
