import type { EmitEvent } from './events/host-event';
import type { Logger } from './events/logger';
import type { LoadOptions } from './instance/load-options';
import type { ManagedPlugin } from './managed-plugin';
import type { ArtifactCopy } from './manifest/copy-artifact';
import type { InstanceCheck } from './upgrade/verify';
import type { RunningVersion, Situation } from './watch/choices';

/** What the plugins of a directory need of their host. */
export interface WatchingHost {
  readonly emit: EmitEvent;
  readonly logger: Logger;
  load(options: LoadOptions, check: InstanceCheck | undefined): Promise<ManagedPlugin>;
  /** All that are loaded. */
  loaded(): readonly ManagedPlugin[];
  plugin(name: string): ManagedPlugin | undefined;
}

/** A plugin that was loaded from the directory. */
export interface Lane {
  readonly plugin: ManagedPlugin;
  /** By their directories: what runs, and what ran before it, which a rollback leads to. */
  readonly copies: Map<string, ArtifactCopy>;
  /** By which settings each was run last, as stamps, by its directory. */
  readonly settings: Map<string, string>;
  /** What was put there last. */
  placed: ArtifactCopy;
}

interface Left {
  readonly reason: string;
  /** What lay on disk; undefined: it was changing. */
  readonly stamp: string | undefined;
}

/** The plugins that were loaded from a directory, with the copies that they run from. */
export class WatchedLanes {
  readonly #host: WatchingHost;
  readonly #lanes = new Map<string, Lane>();
  /** Somebody has done something else with it by hand: what lay on disk then is left alone. */
  readonly #left = new Map<string, Left>();
  #onDisk: Situation['onDisk'] = new Map();

  constructor(host: WatchingHost) {
    this.#host = host;
  }

  get names(): string[] {
    return [...this.#lanes.keys()];
  }

  get(name: string): Lane | undefined {
    return this.#lanes.get(name);
  }

  add(plugin: ManagedPlugin, copy: ArtifactCopy, settings: string): void {
    const { directory } = copy;
    this.#lanes.set(plugin.name, {
      plugin,
      copies: new Map([[directory, copy]]),
      settings: new Map([[directory, settings]]),
      placed: copy,
    });
  }

  /** The copy that a plugin runs from; undefined: it isn't of the directory, or doesn't run. */
  runningCopy(name: string): ArtifactCopy | undefined {
    const lane = this.#lanes.get(name);
    return lane?.copies.get(this.#loaded(lane)?.directory ?? '');
  }

  /** Undefined once somebody has stopped it. */
  #loaded({ plugin }: Lane): ManagedPlugin | undefined {
    return this.#host.plugin(plugin.name) === plugin ? plugin : undefined;
  }

  /** Removes its copies: for when it has been stopped. Never rejects. */
  async remove(name: string): Promise<void> {
    const lane = this.#lanes.get(name);
    this.#lanes.delete(name);
    for (const copy of lane?.copies.values() ?? []) await this.release(copy);
  }

  /** What somebody has done with it by hand, as long as nothing of it has changed on disk since; in sentences. */
  get left(): ReadonlyMap<string, string> {
    return new Map([...this.#left].map(([name, { reason }]) => [name, reason]));
  }

  /** Somebody has loaded a plugin of that name by its options. */
  isForeign(name: string): boolean {
    return this.#host.plugin(name) !== undefined && !this.#lanes.has(name);
  }

  /** Whatever lies on disk now, it stays as it is. */
  leave(name: string, reason: string): void {
    this.#left.set(name, { reason, stamp: this.#stampOf(name) });
  }

  /** Whatever was done with it by hand, it is to be what lies on disk. */
  takeBack(name: string): void {
    const lane = this.#lanes.get(name);
    const runs = lane && this.#loaded(lane);
    // What was done to it is not to be found out after this.
    if (lane !== undefined && runs === undefined) void this.remove(name);
    else if (lane !== undefined) lane.placed = lane.copies.get(runs?.directory ?? '') ?? lane.placed;
    this.#left.delete(name);
  }

  /** What runs now. */
  look(onDisk: Situation['onDisk'], busy: Situation['busy']): Map<string, RunningVersion> {
    this.#onDisk = onDisk;
    const running = new Map<string, RunningVersion>();
    const loaded = new Map(this.#host.loaded().map((plugin) => [plugin.name, plugin]));
    this.#lookAfterLeft();
    for (const [name, lane] of this.#lanes) {
      const plugin = loaded.get(name);
      if (busy.has(name)) continue;
      if (plugin !== lane.plugin) {
        // Whoever stopped it knows why.
        this.leave(name, 'it was stopped by hand');
        void this.remove(name);
      } else if (plugin.directory !== lane.placed.directory) {
        const copy = lane.copies.get(plugin.directory ?? '');
        if (copy === undefined) continue;
        lane.placed = copy;
        this.leave(name, `it was rolled back to ${copy.manifest.version} by hand`);
      }
    }
    for (const [name, plugin] of loaded) {
      const { directory = '' } = plugin;
      const lane = this.#lanes.get(name);
      const copy = lane?.copies.get(directory);
      running.set(name, {
        version: plugin.status().version,
        digest: copy?.digest,
        requires: copy?.manifest.requires ?? {},
        foreign: (lane === undefined && !busy.has(name)) || this.#left.has(name),
        settings: lane?.settings.get(directory),
      });
    }
    return running;
  }

  #lookAfterLeft(): void {
    for (const [name, left] of [...this.#left]) {
      const now = this.#stampOf(name);
      if (now === undefined || now === left.stamp) continue;
      if (left.stamp === undefined) this.#left.set(name, { ...left, stamp: now });
      else this.#left.delete(name);
    }
  }

  /** What lies there of a plugin; undefined while that changes. */
  #stampOf(name: string): string | undefined {
    const versions = this.#onDisk.get(name) ?? [];
    if (versions.some(({ state }) => state === 'unsettled')) return undefined;
    return JSON.stringify(versions.map(({ version, digest }) => [version, digest]));
  }

  async replace<T>(
    lane: Lane,
    copy: ArtifactCopy,
    settings: string,
    upgrade: () => PromiseLike<T>,
  ): Promise<T> {
    const settle = this.place(lane, copy, settings);
    try {
      return await upgrade();
    } finally {
      await settle();
    }
  }

  /**
   * A copy is about to be run.
   *
   * @returns for afterwards, however that went: what ran before stays for a rollback; what was before that is not needed any more
   */
  place(lane: Lane, copy: ArtifactCopy, settings: string): () => Promise<void> {
    const before = lane.placed;
    lane.copies.set(copy.directory, copy);
    lane.settings.set(copy.directory, settings);
    return async () => {
      const runs = this.#loaded(lane)?.directory;
      // After some failures it is the new one that stays.
      lane.placed = lane.copies.get(runs ?? '') ?? before;
      const kept =
        lane.placed === before ? [...lane.copies.values()].filter((one) => one !== copy) : [before];
      for (const one of lane.copies.values()) {
        if (one === lane.placed || kept.includes(one)) continue;
        lane.copies.delete(one.directory);
        lane.settings.delete(one.directory);
        await this.release(one);
      }
    };
  }

  /** Never rejects. */
  async release(copy: ArtifactCopy): Promise<void> {
    await copy.release().catch((error: unknown) => {
      this.#host.logger.warn('a copy could not be removed', { path: copy.directory, ...told(error) });
    });
  }
}

/** For logs. */
export function told(error: unknown): { readonly error: string } {
  return { error: String(error) };
}
