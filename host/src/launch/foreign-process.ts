import type { AttachedProcess } from './attached-process';
import type { ExitInfo, KeptProcess } from './keeper';

/** A process that no host started: it is watched, and never signalled. A host that is done with it lets go of it. */
export class ForeignProcess implements KeptProcess {
  readonly exited: Promise<ExitInfo>;
  readonly #watched: AttachedProcess;
  #left: ExitInfo | undefined;
  #settle: (exit: ExitInfo) => void = () => {};

  constructor(watched: AttachedProcess) {
    this.#watched = watched;
    this.exited = new Promise((resolve) => {
      this.#settle = resolve;
    });
    void watched.exited.then((exit) => this.#settle(exit));
  }

  get pid(): number {
    return this.#watched.pid;
  }

  get startTime(): Promise<string | null> {
    return this.#watched.startTime;
  }

  readonly group = null;

  /** Also defined once the host has let go of it: for this host it has ended. */
  get exit(): ExitInfo | undefined {
    return this.#watched.exit ?? this.#left;
  }

  onOutput(): void {}

  async outputEnded(): Promise<void> {}

  holdOutput(): void {}

  async signal(): Promise<boolean> {
    return false;
  }

  /** Lets go of it. */
  closeOutput(): void {
    this.#watched.release();
    this.#left ??= { code: null, signal: null, at: Date.now() };
    this.#settle(this.#left);
  }
}
