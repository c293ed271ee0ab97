import type { LoadOptions } from '../instance/load-options';
import { mergeOptions } from '../upgrade/merge-options';
import type { OperationName } from '../upgrade/report';
import type { UpgradeOptions } from '../upgrade/upgrade-options';

interface Own {
  options: LoadOptions;
  /** Of what was served before the last operation. */
  former: LoadOptions | undefined;
}

/**
 * The plugins that an application has loaded into a daemon, with what it would load them with now: for a daemon that is started
 * again, which knows nothing of them.
 */
export class OwnPlugins {
  readonly #own = new Map<string, Own>();

  has(name: string): boolean {
    return this.#own.has(name);
  }

  loaded(options: LoadOptions): void {
    this.#own.set(options.name, { options, former: undefined });
  }

  forget(name: string): void {
    this.#own.delete(name);
  }

  swapped(name: string, operation: OperationName, changes: UpgradeOptions): void {
    const own = this.#own.get(name);
    if (own === undefined || operation === 'restart') return;
    const back = operation === 'rollback' ? own.former : undefined;
    const next = back ?? mergeOptions(own.options, changes);
    this.#own.set(name, { options: next, former: own.options });
  }

  /** In the order of their loading. */
  get all(): readonly LoadOptions[] {
    return [...this.#own.values()].map(({ options }) => options);
  }
}
