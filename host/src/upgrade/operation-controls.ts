import { PluginError } from '@plugd/protocol/plugin-error';

/** What somebody who watches an operation can ask of it by hand. */
export class OperationControls {
  readonly #abort = new AbortController();
  readonly #promote = new AbortController();
  #reason: string | undefined;
  #over = false;

  /** Fires when the operation is to be given up. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Fires when the new one is to be promoted. */
  get promoted(): AbortSignal {
    return this.#promote.signal;
  }

  /** What whoever gave it up said of that. */
  get reason(): string | undefined {
    return this.#reason;
  }

  /** See `OperationHandle.promote`. */
  promote(): boolean {
    if (this.#over || this.#abort.signal.aborted) return false;
    this.#promote.abort();
    return true;
  }

  /** See `OperationHandle.abort`. */
  abort(reason?: string): boolean {
    if (this.#over) return false;
    this.#reason ??= reason;
    const why = reason === undefined ? '' : `: ${reason}`;
    this.#abort.abort(new PluginError('ABORTED', `The operation was given up by hand${why}.`));
    return true;
  }

  /** From now on nothing can be asked any more: it has come too far, or to its end. */
  end(): void {
    this.#over = true;
  }
}
