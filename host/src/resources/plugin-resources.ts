import type { ResourceKind } from '@plugd/protocol/gen/plugd/lifecycle/v1/lifecycle';
import type { Logger } from '../events/logger';
import { readResources } from './resource';
import { type HeldResource, ResourceBook } from './resource-book';

/** A process, as far as it can be told to let go of something. Its call has a limit of its own. */
export interface ResourceHolder {
  /** Resolves when it has released them. */
  release(names: readonly string[]): Promise<void>;
}

/** What a plugin says of what it holds; `Description` fits. */
export interface DeclaredResources {
  readonly resources: readonly { readonly name: string; readonly kind: ResourceKind }[];
}

/**
 * What the generations of one plugin hold beside memory, and the telling of them to release it: see {@link ResourceBook}. For
 * plugins that declare nothing all of it does nothing.
 */
export class PluginResources {
  readonly #plugin: string;
  readonly #logger: Pick<Logger, 'warn'>;
  readonly #book = new ResourceBook();
  /** Generations that were activated, and have what there is for them as soon as others are gone. */
  readonly #activated = new Set<number>();

  constructor(plugin: string, logger: Pick<Logger, 'warn'>) {
    this.#plugin = plugin;
    this.#logger = logger;
  }

  /** A process of a generation has come up, and said this of itself. */
  enter(generation: number, description: DeclaredResources | undefined): void {
    const { resources, complaints } = readResources(description?.resources ?? []);
    for (const complaint of complaints) this.#logger.warn(complaint, { plugin: this.#plugin, generation });
    if (resources.length > 0) this.#book.enter(generation, resources);
  }

  /**
   * What a generation is to be told to release while calls are held, before the next one is activated; empty: it need not be
   * told. Its answer is to be followed by {@link released}.
   */
  beforeNext(old: number, next: number): string[] {
    return this.#book.beforeNext(old, next);
  }

  /** It answered that it did. */
  released(generation: number, names: readonly string[]): void {
    this.#book.released(generation, names);
  }

  /**
   * It answered Activate, or Resume: what it waited for or had released is its own. Where another one still has that, as in
   * an overlap that was asked for against what the plugin says of itself, it is once the other one has gone.
   */
  take(generation: number): void {
    this.#activated.add(generation);
    const obstacle = this.#book.obstacle(generation);
    if (obstacle === undefined) {
      this.#book.take(generation);
      return;
    }
    this.#logger.warn('two generations of a plugin use what only one can have', {
      plugin: this.#plugin,
      generation,
      resource: obstacle.name,
      other: obstacle.holder,
    });
  }

  /**
   * Nothing leads back to this generation: it frees what the others know nothing of, while it finishes its calls. Never
   * rejects.
   */
  switchedFrom(generation: number, holders: readonly ResourceHolder[]): Promise<void> {
    return this.#tell(generation, this.#book.atSwitch(generation), holders);
  }

  /**
   * A generation is about to be stopped, and has no calls any more: it gives back its part of what there is, and frees what
   * nobody else uses. Never rejects.
   */
  leave(generation: number, holders: readonly ResourceHolder[]): Promise<void> {
    return this.#tell(generation, this.#book.leave(generation), holders);
  }

  /** All of its processes have ended. Returns what they had and did not release, which is also logged. */
  gone(generation: number): readonly HeldResource[] {
    const left = this.#book.gone(generation);
    this.#activated.delete(generation);
    for (const other of this.#activated) {
      if (this.#book.obstacle(other) === undefined) this.#book.take(other);
    }
    if (left.length > 0) {
      this.#logger.warn('a plugin ended without having released what it had', {
        plugin: this.#plugin,
        generation,
        resources: left.map(({ name, kind }) => `${name} (${kind})`),
      });
    }
    return left;
  }

  /** What was never released by any generation since the plugin was loaded: for the report at its stop. */
  outstanding(): readonly HeldResource[] {
    return this.#book.outstanding();
  }

  async #tell(
    generation: number,
    names: readonly string[],
    holders: readonly ResourceHolder[],
  ): Promise<void> {
    if (names.length === 0 || holders.length === 0) return;
    const answers = await Promise.allSettled(holders.map(async (holder) => holder.release(names)));
    const failed = answers.find((answer) => answer.status === 'rejected');
    // What one of several processes still has the generation has.
    if (failed === undefined) {
      this.#book.released(generation, names);
      return;
    }
    this.#logger.warn('a plugin did not release what it was told to', {
      plugin: this.#plugin,
      generation,
      resources: names,
      error: String(failed.reason),
    });
  }
}
