import type { Resource, ResourceKind } from './resource';

/** A resource in the hands of a generation. */
export interface HeldResource extends Resource {
  readonly generation: number;
}

/**
 * `waiting`: another generation has it, and only one can. `held`: this one has it. `released`: it has let go of it and
 * may take it again.
 */
type Having = 'waiting' | 'held' | 'released';

interface Entry {
  readonly kind: ResourceKind;
  having: Having;
}

/** So many are remembered of what was never released: a plugin that crashes for years must not fill the host's memory. */
const mostRemembered = 1_000;

/**
 * Who has which of a plugin's resources. It calls nobody: it says what a generation is to be told to release, and is told
 * what it did release. A method that is called in an order which the rules don't allow is a defect of the host, and throws.
 */
export class ResourceBook {
  readonly #generations = new Map<number, Map<string, Entry>>();
  readonly #leaving = new Set<number>();
  #neverReleased: HeldResource[] = [];

  /**
   * A generation is there that uses these. What another one has and only one can have it waits for ({@link take}); the
   * rest is its own from now on. Again for a process that takes the place of a lost one.
   */
  enter(generation: number, resources: readonly Resource[]): void {
    const entries = this.#generations.get(generation) ?? new Map<string, Entry>();
    this.#generations.set(generation, entries);
    for (const { name, kind } of resources) {
      if (entries.has(name)) continue;
      const entry: Entry = { kind, having: 'waiting' };
      entries.set(name, entry);
      if (this.#rival(generation, name, kind) === undefined) this.#give(generation, name, entry);
    }
  }

  /**
   * What a generation has to release before the next one can take what it needs: all that it has exclusively, and what the
   * next one wants to have alone. The next one may be one that says nothing of what it uses.
   */
  beforeNext(old: number, next: number): string[] {
    return this.#heldBy(old).flatMap(({ name, kind }) => {
      const wanted = this.#generations.get(next)?.get(name);
      return kind === 'exclusive' || wanted?.having === 'waiting' ? [name] : [];
    });
  }

  /** A generation has done what it was told: it answered Release with these names. What it did not have is passed over. */
  released(generation: number, names: readonly string[]): void {
    for (const name of names) {
      const entry = this.#generations.get(generation)?.get(name);
      if (entry?.having === 'held') entry.having = 'released';
    }
  }

  /** What keeps a generation from {@link take}; undefined: nothing. */
  obstacle(generation: number): { readonly name: string; readonly holder: number } | undefined {
    for (const [name, { kind }] of this.#wanted(generation)) {
      const holder = this.#rival(generation, name, kind);
      if (holder !== undefined) return { name, holder };
    }
    return undefined;
  }

  /**
   * A generation has what it waited for or had released, and stays: it answered Activate or Resume. Throws if another one
   * has it.
   */
  take(generation: number): void {
    const obstacle = this.obstacle(generation);
    if (obstacle !== undefined) {
      const { name, holder } = obstacle;
      throw new Error(`generation ${generation} can't take ${name}: generation ${holder} has it`);
    }
    this.#leaving.delete(generation);
    for (const [name, entry] of this.#wanted(generation)) this.#give(generation, name, entry);
  }

  /** What a generation is to release as soon as nothing leads back to it: its own, of which others know nothing. */
  atSwitch(generation: number): string[] {
    return this.#heldBy(generation).flatMap(({ name, kind }) => (kind === 'per-generation' ? [name] : []));
  }

  /**
   * What a generation is to release before it ends, once it has no calls any more: all that it has, but of what is shared
   * only that which nobody else uses. Called again it says what is still to be released.
   */
  leave(generation: number): string[] {
    this.#leaving.add(generation);
    return this.#heldBy(generation).flatMap(({ name, kind }) => {
      const users = this.#otherUsers(generation, name).filter((other) => !this.#leaving.has(other));
      if (kind !== 'shared' || users.length === 0) return [name];
      // Others free it. From now on it does not matter to this one.
      this.#generations.get(generation)?.delete(name);
      return [];
    });
  }

  /**
   * The processes of a generation have ended, in whichever way. Returns what it had and never released; what is shared
   * counts only if nobody else uses it.
   */
  gone(generation: number): readonly HeldResource[] {
    const left = this.#heldBy(generation).filter(
      ({ name, kind }) => kind !== 'shared' || this.#otherUsers(generation, name).length === 0,
    );
    this.#generations.delete(generation);
    this.#leaving.delete(generation);
    this.#neverReleased = [...this.#neverReleased, ...left].slice(-mostRemembered);
    return left;
  }

  /** Who has what now. */
  held(): readonly HeldResource[] {
    return [...this.#generations.keys()].flatMap((generation) => this.#heldBy(generation));
  }

  /** What ended with its process instead of being released, the latest last: for a report at stop. */
  outstanding(): readonly HeldResource[] {
    return this.#neverReleased;
  }

  #wanted(generation: number): [name: string, entry: Entry][] {
    return [...(this.#generations.get(generation) ?? [])].filter(([, { having }]) => having !== 'held');
  }

  #give(generation: number, name: string, entry: Entry): void {
    entry.having = 'held';
    // Who has it now has also seen to what was left of it: the same generation by a new process, or the next owner.
    this.#neverReleased = this.#neverReleased.filter(
      (one) => one.name !== name || !(one.generation === generation || one.kind === 'exclusive'),
    );
  }

  #heldBy(generation: number): HeldResource[] {
    return [...(this.#generations.get(generation) ?? [])].flatMap(([name, { kind, having }]) =>
      having === 'held' ? [{ generation, name, kind }] : [],
    );
  }

  /** Another generation that has it, where one of the two wants it alone. */
  #rival(generation: number, name: string, kind: ResourceKind): number | undefined {
    return this.held().find(
      (one) =>
        one.generation !== generation &&
        one.name === name &&
        (one.kind === 'exclusive' || kind === 'exclusive'),
    )?.generation;
  }

  /** Who shares it, other than that one. Who has a part of its own has nothing to do with it. */
  #otherUsers(generation: number, name: string): number[] {
    return this.held().flatMap((one) =>
      one.generation !== generation && one.name === name && one.kind === 'shared' ? [one.generation] : [],
    );
  }
}
