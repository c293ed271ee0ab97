import type { EmitEvent } from './events/host-event';
import type { Logger } from './events/logger';
import type { LoadOptions } from './instance/load-options';
import type { ArtifactCopy } from './manifest/copy-artifact';
import type { Plugin } from './plugin';
import type { RunningVersion, Situation } from './watch/choices';

/** What the plugins of a directory need of their host. */
export interface WatchingHost {
  readonly emit: EmitEvent;
  readonly logger: Logger;
  load(options: LoadOptions): Promise<Plugin>;
  /** All that are loaded, with the directory that each runs in. */
  loaded(): readonly { readonly plugin: Plugin; readonly directory: string | undefined }[];
}

/** A plugin that was loaded from the directory. */
export interface Lane {
  readonly plugin: Plugin;
  /** By their directories: what runs, and what ran before it, which a rollback leads to. */
  readonly copies: Map<string, ArtifactCopy>;
  /** What was put there last. */
  placed: ArtifactCopy;
}

/** The plugins that were loaded from a directory, with the copies that they run from. */
export class WatchedLanes {
  readonly #host: WatchingHost;
  readonly #lanes = new Map<string, Lane>();
  /** The application has done something else with it: what lay on disk then is left alone. */
  readonly #left = new Map<string, string | undefined>();
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

  add(plugin: Plugin, copy: ArtifactCopy): void {
    this.#lanes.set(plugin.name, { plugin, copies: new Map([[copy.directory, copy]]), placed: copy });
  }

  /** Removes its copies: for when it has been stopped. Never rejects. */
  async remove(name: string): Promise<void> {
    const lane = this.#lanes.get(name);
    this.#lanes.delete(name);
    for (const copy of lane?.copies.values() ?? []) await this.release(copy);
  }

  /** Whether the application has stopped it or rolled it back, and nothing of it has changed on disk since. */
  isLeft(name: string): boolean {
    return this.#left.has(name);
  }

  /** Whatever the application has done with it, it is to be what lies on disk. */
  takeBack(name: string): void {
    this.#left.delete(name);
  }

  /** What runs now. */
  look(onDisk: Situation['onDisk'], busy: Situation['busy']): Map<string, RunningVersion> {
    this.#onDisk = onDisk;
    const running = new Map<string, RunningVersion>();
    const loaded = new Map(this.#host.loaded().map((one) => [one.plugin.name, one]));
    this.#lookAfterLeft();
    for (const [name, lane] of this.#lanes) {
      const one = loaded.get(name);
      if (busy.has(name)) continue;
      if (one?.plugin !== lane.plugin) {
        // It was stopped by the application, which knows why.
        this.#left.set(name, this.#stampOf(name));
        void this.remove(name);
      } else if (one.directory !== lane.placed.directory) {
        const copy = lane.copies.get(one.directory ?? '');
        if (copy === undefined) continue;
        // It was rolled back.
        lane.placed = copy;
        this.#left.set(name, this.#stampOf(name));
      }
    }
    for (const [name, { plugin, directory }] of loaded) {
      const lane = this.#lanes.get(name);
      const copy = lane?.copies.get(directory ?? '');
      running.set(name, {
        version: plugin.status().version,
        digest: copy?.digest,
        requires: copy?.manifest.requires ?? {},
        foreign: (lane === undefined && !busy.has(name)) || this.#left.has(name),
      });
    }
    return running;
  }

  #lookAfterLeft(): void {
    for (const [name, stamp] of [...this.#left]) {
      const now = this.#stampOf(name);
      if (now === undefined || now === stamp) continue;
      if (stamp === undefined) this.#left.set(name, now);
      else this.#left.delete(name);
    }
  }

  /** What lies there of a plugin; undefined while that changes. */
  #stampOf(name: string): string | undefined {
    const versions = this.#onDisk.get(name) ?? [];
    if (versions.some(({ state }) => state === 'unsettled')) return undefined;
    return JSON.stringify(versions.map(({ version, digest }) => [version, digest]));
  }

  /** What ran before stays for a rollback; what was before that is not needed any more. */
  async replace(lane: Lane, copy: ArtifactCopy, upgrade: () => PromiseLike<unknown>): Promise<void> {
    const before = lane.placed;
    lane.copies.set(copy.directory, copy);
    try {
      await upgrade();
    } finally {
      const runs = this.#host.loaded().find(({ plugin }) => plugin === lane.plugin)?.directory;
      // After some failures it is the new one that stays.
      lane.placed = lane.copies.get(runs ?? '') ?? before;
      const kept =
        lane.placed === before ? [...lane.copies.values()].filter((one) => one !== copy) : [before];
      for (const one of lane.copies.values()) {
        if (one === lane.placed || kept.includes(one)) continue;
        lane.copies.delete(one.directory);
        await this.release(one);
      }
    }
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
