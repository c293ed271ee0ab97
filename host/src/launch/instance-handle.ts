import type { ErrorCode } from '@plugd/protocol/error-codes';
import type { PluginError } from '@plugd/protocol/plugin-error';
import type { InstanceRecord } from './instance-record';
import type { ExitInfo, KeptProcess, OutputStream } from './keeper';
import type { LaunchedInstance } from './launched-instance';
import type { OutputCounters } from './output-counters';
import type { ErrorOptions, Witness } from './witness';

export interface InstanceHandleOptions {
  readonly record: InstanceRecord;
  readonly kept: KeptProcess;
  readonly witness: Witness;
  readonly outputEnded: Promise<void>;
  readonly output: () => Readonly<Record<OutputStream, OutputCounters>>;
  /** Ends the process after asking it for `politeMs`, and removes what it leaves. */
  readonly end: (politeMs: number) => Promise<void>;
}

export class InstanceHandle implements LaunchedInstance {
  readonly record: InstanceRecord;
  readonly exited: Promise<ExitInfo>;
  readonly outputEnded: Promise<void>;
  readonly output: () => Readonly<Record<OutputStream, OutputCounters>>;
  readonly #kept: KeptProcess;
  readonly #witness: Witness;
  readonly #end: (politeMs: number) => Promise<void>;
  #ending: Promise<void> | undefined;

  constructor(options: InstanceHandleOptions) {
    this.record = options.record;
    this.#kept = options.kept;
    this.#witness = options.witness;
    this.exited = options.kept.exited;
    this.outputEnded = options.outputEnded;
    this.output = options.output;
    this.#end = options.end;
  }

  get exit(): ExitInfo | undefined {
    return this.#kept.exit;
  }

  stderrTail(): string[] {
    return this.#witness.stderr.lines();
  }

  error(code: ErrorCode, summary: string, options?: ErrorOptions): PluginError {
    return this.#witness.error(code, summary, options);
  }

  stop({ timeoutMs }: { readonly timeoutMs: number }): Promise<void> {
    this.#ending ??= this.#end(timeoutMs).catch((error: unknown) => {
      this.#ending = undefined;
      throw error;
    });
    return this.#ending;
  }

  async kill(): Promise<void> {
    // A stop that is waiting politely need not wait any longer.
    if (this.#ending !== undefined) await this.#kept.signal('kill');
    await this.stop({ timeoutMs: 0 });
  }
}
