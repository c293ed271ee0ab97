import type { Metadata } from '@grpc/grpc-js';

/** Where a call says what it descends from: `counter=3,kv=1`. */
export const LINEAGE_KEY = 'plugd-lineage';

/** How many generations a lineage may name. */
export const LINEAGE_ENTRIES_LIMIT = 16;

// A plugin's name as `host.load` takes it, and a number that fits into JavaScript's safe integers.
const ENTRY = /^([A-Za-z0-9][A-Za-z0-9._-]{0,63})=([1-9][0-9]{0,14})$/;
const ENTRY_LENGTH_LIMIT = 64 + 1 + 15;
const TEXT_LENGTH_LIMIT = LINEAGE_ENTRIES_LIMIT * (ENTRY_LENGTH_LIMIT + 1) - 1;

/**
 * What a call descends from: of each plugin that has a call in flight above it, the generation which that call is
 * with. The names are those of the host that wrote it, and mean nothing to another host.
 */
export class Lineage {
  readonly #generations: ReadonlyMap<string, number>;
  #text: string | undefined;

  private constructor(generations: ReadonlyMap<string, number>) {
    this.#generations = generations;
  }

  static of(plugin: string, generation: number): Lineage {
    return new Lineage(new Map([[plugin, generation]]));
  }

  /** The lineage of a text; undefined if any of it can't be read, or there is too much of it. */
  static parse(text: string): Lineage | undefined {
    if (text.length > TEXT_LENGTH_LIMIT) return undefined;
    const entries = text.split(',');
    if (entries.length > LINEAGE_ENTRIES_LIMIT) return undefined;
    const generations = new Map<string, number>();
    for (const entry of entries) {
      const [, plugin, generation] = ENTRY.exec(entry) ?? [];
      if (plugin === undefined || generations.has(plugin)) return undefined;
      generations.set(plugin, Number(generation));
    }
    return new Lineage(generations);
  }

  generationOf(plugin: string): number | undefined {
    return this.#generations.get(plugin);
  }

  /** Both; of a plugin that both name this one's generation. Where that is too much, it is the other's that is left out. */
  over(other: Lineage | undefined): Lineage {
    if (other === undefined) return this;
    const generations = new Map(this.#generations);
    for (const [plugin, generation] of other.#generations) {
      if (generations.size >= LINEAGE_ENTRIES_LIMIT) break;
      if (!generations.has(plugin)) generations.set(plugin, generation);
    }
    return new Lineage(generations);
  }

  /** As it stands in {@link LINEAGE_KEY}. */
  toString(): string {
    this.#text ??= [...this.#generations].map(([plugin, generation]) => `${plugin}=${generation}`).join(',');
    return this.#text;
  }
}

/** What a call says that it descends from; undefined if it says nothing, or nothing that can be read. */
export function readLineage(metadata: Metadata): Lineage | undefined {
  const values = metadata.get(LINEAGE_KEY);
  const [text] = values;
  return typeof text === 'string' && values.length === 1 ? Lineage.parse(text) : undefined;
}

/** A copy that says so; what the metadata said of it before is replaced. */
export function withLineageKey(metadata: Metadata, lineage: Lineage): Metadata {
  const copy = metadata.clone();
  copy.set(LINEAGE_KEY, lineage.toString());
  return copy;
}
