import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Platform, ProcessUsage } from '../platform/platform';
import type { PluginStatus } from '../plugin-status';

/** So long a reading is good for. */
const freshMs = 5_000;
/** Readings at a time: about a millisecond's worth. */
const portion = 16;

/** What the processes of a plugin use. Undefined: the system doesn't tell. */
export interface PluginUsage {
  /** Of all that a reading has seen, as of the last one of each. */
  readonly cpuMs: number;
  readonly memoryBytes: number | undefined;
  readonly descriptors: number | undefined;
}

interface Held {
  /** Of processes that have ended. */
  pastCpuMs: number;
  readonly live: Map<string, ProcessUsage>;
}

/** What plugins' processes use: read now and then, not at each scrape, since it costs a while where there are many. */
export class UsageBook {
  readonly #platform: Pick<Platform, 'usage'>;
  readonly #now: () => number;
  readonly #held = new Map<string, Held>();
  /** Of this process. */
  own: ProcessUsage | undefined;
  #readAt = Number.NEGATIVE_INFINITY;
  #reading: Promise<void> | undefined;

  constructor(platform: Pick<Platform, 'usage'>, now: () => number = () => performance.now()) {
    this.#platform = platform;
    this.#now = now;
  }

  /** Reads anew what is not fresh. Never rejects. Whoever can't wait takes what there is. */
  refresh(plugins: readonly PluginStatus[]): Promise<void> {
    if (this.#now() - this.#readAt < freshMs) return Promise.resolve();
    this.#reading ??= this.#read(plugins).finally(() => {
      this.#readAt = this.#now();
      this.#reading = undefined;
    });
    return this.#reading;
  }

  /** As of the last reading; undefined: there was none of it yet. */
  of(plugin: string): PluginUsage | undefined {
    const held = this.#held.get(plugin);
    if (held === undefined) return undefined;
    const live = [...held.live.values()];
    const sum = (pick: (usage: ProcessUsage) => number | undefined): number | undefined => {
      const known = live.flatMap((usage) => pick(usage) ?? []);
      return known.length === 0 && live.length > 0 ? undefined : known.reduce((all, one) => all + one, 0);
    };
    return {
      cpuMs: held.pastCpuMs + (sum(({ cpuMs }) => cpuMs) ?? 0),
      memoryBytes: sum(({ memoryBytes }) => memoryBytes),
      descriptors: sum(({ descriptors }) => descriptors),
    };
  }

  async #read(plugins: readonly PluginStatus[]): Promise<void> {
    const names = new Set(plugins.map(({ name }) => name));
    for (const name of this.#held.keys()) if (!names.has(name)) this.#held.delete(name);
    this.own = await this.#platform.usage(process.pid).catch(() => undefined);
    let count = 0;
    for (const { name, instances } of plugins) {
      const held = this.#held.get(name) ?? { pastCpuMs: 0, live: new Map<string, ProcessUsage>() };
      this.#held.set(name, held);
      this.#end(held, new Set(instances.map(({ id }) => id)));
      for (const { id, pid } of instances) {
        if (++count % portion === 0) await nextTurn();
        const usage = await this.#platform.usage(pid).catch(() => undefined);
        if (usage !== undefined) keep(held, id, usage);
      }
    }
  }

  /** What those used that are no more stays in the sum. */
  #end(held: Held, present: ReadonlySet<string>): void {
    for (const [id, usage] of held.live) {
      if (present.has(id)) continue;
      held.pastCpuMs += usage.cpuMs ?? 0;
      held.live.delete(id);
    }
  }
}

/** A pid may be another process's now, with less time of its own; the sum must not fall for that. */
function keep(held: Held, id: string, usage: ProcessUsage): void {
  const before = held.live.get(id);
  if (before !== undefined && before.startTime !== usage.startTime) held.pastCpuMs += before.cpuMs ?? 0;
  held.live.set(id, usage);
}
