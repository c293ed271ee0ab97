import { setTimeout as sleep } from 'node:timers/promises';
import { LONGEST_TIMER_MS } from '@plugd/protocol/longest-timer';
import { PluginError } from '@plugd/protocol/plugin-error';
import { RpcError } from '@plugd/protocol/rpc/rpc-error';
import type { Logger } from '../events/logger';
import { type Snapshot, SnapshotSpool } from '../state/snapshot';
import type { Supervisor } from './supervisor';

/** More often would be little but snapshots. */
const shortestMs = 100;
/** For the plugin to give its state. */
const takeTimeoutMs = 10_000;
/** Should the last one be damaged, the one before it is there; more would push out those that operations took. */
const keepAtMost = 2;

export interface PeriodicSnapshotsTools {
  /** Private to the host: for what is too large for memory. */
  readonly directory: string;
  readonly logger: Logger;
  /** A larger state is not taken. */
  readonly maxBytes: number;
  /** Whether nothing is done with the plugin that moves its state by itself. */
  readonly idle: () => boolean;
  /** Resolves to what names it. */
  readonly keep: (generation: Supervisor, snapshot: Snapshot) => Promise<string>;
  readonly drop: (id: string) => Promise<void>;
}

/** Keeps the state of a plugin as often as it asks for, for a crash of it or of its host. One at a time. */
export class PeriodicSnapshots {
  readonly #tools: PeriodicSnapshotsTools;
  /** Its own that are kept, the oldest first. */
  readonly #ids: string[] = [];
  /** What went wrong before, and was told. */
  readonly #told = new Set<string>();
  #ending = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(tools: PeriodicSnapshotsTools) {
    this.#tools = tools;
  }

  /** From now on of this generation, which has just come to be supervised, if its plugin asks for it. */
  begin(generation: Supervisor): void {
    const before = this.end();
    const { spec, description } = generation;
    const askedMs = description?.state?.snapshotEveryMs ?? 0;
    // Of several instances nobody knows which one's state counts.
    if (askedMs === 0 || spec.instances > 1) return;
    const everyMs = Math.min(Math.max(askedMs, shortestMs), LONGEST_TIMER_MS);
    const ending = new AbortController();
    this.#ending = ending;
    this.#running = before.then(() => this.#run(generation, everyMs, ending.signal));
  }

  /**
   * None is begun any more. One that is being taken is given up, so that it is not kept after one that is taken from now on.
   * Resolves when one that is being written is. Never rejects.
   */
  end(): Promise<void> {
    this.#ending.abort();
    return this.#running;
  }

  async #run(generation: Supervisor, everyMs: number, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await sleep(everyMs, undefined, { signal, ref: false }).catch(() => {});
      if (signal.aborted || !this.#tools.idle()) continue;
      try {
        await this.#keepOne(generation, signal);
      } catch (error) {
        if (!signal.aborted) this.#tell(generation, error);
      }
    }
  }

  async #keepOne(generation: Supervisor, signal: AbortSignal): Promise<void> {
    const { directory, maxBytes, idle, keep, drop } = this.#tools;
    const { first } = generation;
    // One that was lost, or is of no use, is being replaced.
    if (first?.instance.state !== 'serving') return;
    const spool = new SnapshotSpool(directory, maxBytes);
    try {
      const { lifecycle } = first.instance.connection;
      const snapshot = await lifecycle.snapshot(spool, { timeoutMs: takeTimeoutMs, signal });
      if (signal.aborted || !idle()) return;
      this.#ids.push(await keep(generation, snapshot));
      for (const id of this.#ids.splice(0, this.#ids.length - keepAtMost)) await drop(id);
    } finally {
      await spool.discard();
    }
  }

  /** What goes wrong each time is told once. */
  #tell({ spec }: Supervisor, error: unknown): void {
    const kind = kindOf(error);
    if (this.#told.has(kind)) return;
    this.#told.add(kind);
    const { name: plugin, version } = spec;
    this.#tools.logger.warn('the state of a plugin could not be kept', {
      plugin,
      version,
      kind,
      error: String(error),
    });
  }
}

function kindOf(error: unknown): string {
  if (error instanceof PluginError) return error.code;
  if (error instanceof RpcError) return error.codeName;
  return error instanceof Error ? error.name : 'unknown';
}
