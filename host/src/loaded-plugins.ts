import type { Logger } from './events/logger';
import { nameTaken } from './load-in-order';
import type { ManagedPlugin } from './managed-plugin';
import { restartedWith, startOrder, stopInOrder } from './supervision/dependency-order';

interface Dependent {
  readonly name: string;
  readonly dependsOn: readonly string[];
}

/** The plugins of a host, in the order of their loading, and who of them depends on whom. */
export class LoadedPlugins {
  readonly #plugins = new Map<string, ManagedPlugin>();

  get all(): ManagedPlugin[] {
    return [...this.#plugins.values()];
  }

  get(name: string): ManagedPlugin | undefined {
    return this.#plugins.get(name);
  }

  /** Throws PluginError NAME_TAKEN, DEPENDENCY_CYCLE, DEPENDENCY_MISSING. */
  check(added: readonly Dependent[]): void {
    for (const [index, { name }] of added.entries())
      if (this.#plugins.has(name) || added.findIndex((one) => one.name === name) < index)
        throw nameTaken(name);
    startOrder(this.#dependencies(added));
  }

  /** From now on its name is taken, until it has stopped, or what is returned is called. Throws what {@link check} throws. */
  add(plugin: ManagedPlugin): () => void {
    this.check([plugin]);
    this.#plugins.set(plugin.name, plugin);
    const forget = (): void => {
      if (this.#plugins.get(plugin.name) === plugin) this.#plugins.delete(plugin.name);
    };
    plugin.onStopped(forget);
    return forget;
  }

  /** Stops those that are loaded of these, each before those of them that it depends on. */
  stop(names: readonly string[] = [...this.#plugins.keys()]): Promise<void> {
    const chosen = new Set(names);
    const order = [...this.#dependencies()].flatMap(([name, dependsOn]) =>
      chosen.has(name) ? [[name, dependsOn.filter((one) => chosen.has(one))] as const] : [],
    );
    return stopInOrder(new Map(order), async (name) => this.#plugins.get(name)?.stop());
  }

  /** A plugin lost its process and has another one: what its options say of its dependents is done. Never rejects. */
  async restartDependents(plugin: ManagedPlugin, logger: Logger): Promise<void> {
    const names = restartedWith(plugin.name, plugin.restartStrategy, this.#dependencies());
    for (const name of names) {
      await this.#plugins
        .get(name)
        ?.restart()
        .then(undefined, (error: unknown) => {
          logger.error('a dependent plugin could not be restarted', {
            plugin: name,
            because: plugin.name,
            error: String(error),
          });
        });
    }
  }

  /** Who depends on whom; of those that are loaded, without what was stopped since: they live without it already. */
  #dependencies(added: readonly Dependent[] = []): Map<string, readonly string[]> {
    const names = new Set([...this.#plugins.keys(), ...added.map(({ name }) => name)]);
    const loaded = this.all.map(
      ({ name, dependsOn }) => [name, dependsOn.filter((one) => names.has(one))] as const,
    );
    return new Map([...loaded, ...added.map(({ name, dependsOn }) => [name, dependsOn] as const)]);
  }
}
