import { PluginError } from '@plugd/protocol/plugin-error';
import type { BegunOperation, OperationHandle } from '../upgrade/operation-handle';
import type { UpgradeReport } from '../upgrade/report';

/** What became of an operation. */
export type OperationOutcome =
  | { readonly kind: 'running' }
  | { readonly kind: 'done'; readonly report: UpgradeReport; readonly endedAt: number }
  | { readonly kind: 'failed'; readonly error: unknown; readonly endedAt: number };

/** An operation of a host that runs, and where it is found. */
export interface KeptOperation extends BegunOperation {
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  /** The plugin's generation as it began its first step, until then as it was asked for. */
  readonly oldGeneration: number;
  readonly outcome: OperationOutcome;
}

interface Entry extends BegunOperation {
  readonly startedAt: number;
  oldGeneration: number;
  outcome: OperationOutcome;
}

/** The operations of a host since it was opened, whoever asked for them: all that are under way, and the latest that were. */
export class OperationsBook {
  readonly #generationOf: (plugin: string) => number;
  readonly #maxEnded: number;
  readonly #entries = new Map<string, Entry>();
  readonly #byHandle = new WeakMap<OperationHandle, Entry>();
  readonly #awaited = new WeakMap<OperationHandle, () => void>();

  constructor(generationOf: (plugin: string) => number, maxEnded = 200) {
    this.#generationOf = generationOf;
    this.#maxEnded = maxEnded;
  }

  /** For `host.on('operation')`. */
  readonly begun = (operation: BegunOperation): void => {
    const { id } = operation;
    const oldGeneration = this.#generationOf(operation.plugin);
    const outcome = { kind: 'running' } as const;
    const entry: Entry = { ...operation, startedAt: Date.now(), oldGeneration, outcome };
    this.#entries.set(id, entry);
    this.#byHandle.set(operation.handle, entry);
    this.#awaited.get(operation.handle)?.();
    void this.#begins(entry);
    operation.handle.then(
      (report) => this.#end(entry, { kind: 'done', report, endedAt: Date.now() }),
      (error: unknown) => this.#end(entry, { kind: 'failed', error, endedAt: Date.now() }),
    );
  };

  /** One that has waited for another may have found a later generation. */
  async #begins(entry: Entry): Promise<void> {
    for await (const _first of entry.handle) {
      entry.oldGeneration = this.#generationOf(entry.plugin);
      return;
    }
  }

  #end(entry: Entry, outcome: OperationOutcome): void {
    entry.outcome = outcome;
    const ended = [...this.#entries.values()].filter((one) => one.outcome.kind !== 'running');
    for (const { id } of ended.slice(0, Math.max(0, ended.length - this.#maxEnded))) this.#entries.delete(id);
  }

  /** The latest first. */
  list(plugin: string): KeptOperation[] {
    return [...this.#entries.values()].filter((entry) => entry.plugin === plugin).reverse();
  }

  /** The one that is under way, of those that wait for each other the first. */
  running(plugin: string): KeptOperation | undefined {
    return [...this.#entries.values()].find(
      (entry) => entry.plugin === plugin && entry.outcome.kind === 'running',
    );
  }

  /** Throws PluginError OPERATION_NOT_FOUND. */
  get(id: string): KeptOperation {
    const entry = this.#entries.get(id);
    if (entry !== undefined) return entry;
    throw new PluginError('OPERATION_NOT_FOUND', `There is no operation ${id}.`, {
      facts: { operation: id },
    });
  }

  /**
   * What a plugin gave for it, as soon as it was told of: of the directory of an artifact its manifest has to be read before. Throws what
   * ends it before that.
   */
  async whenBegun(handle: OperationHandle): Promise<KeptOperation> {
    if (!this.#byHandle.has(handle)) {
      const told = new Promise<void>((resolve) => this.#awaited.set(handle, resolve));
      await Promise.race([told, handle]);
    }
    const entry = this.#byHandle.get(handle);
    if (entry === undefined) throw new Error('an operation that has ended was never told of');
    return entry;
  }
}
