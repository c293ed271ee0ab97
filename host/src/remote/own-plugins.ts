import type { LoadOptions } from '../instance/load-options';
import { mergeOptions } from '../upgrade/merge-options';
import type { OperationName } from '../upgrade/report';
import type { UpgradeOptions } from '../upgrade/upgrade-options';

interface Own {
  readonly options: LoadOptions;
  /** Of what was served before the last operation. */
  readonly former: LoadOptions | undefined;
  /** The daemon has it of its own, and needs nobody to load it. */
  readonly daemons: boolean;
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

  loaded(options: LoadOptions, daemons: boolean): void {
    this.#own.set(options.name, { options, former: undefined, daemons });
  }

  forget(name: string): void {
    this.#own.delete(name);
  }

  swapped(name: string, operation: OperationName, changes: UpgradeOptions): void {
    const own = this.#own.get(name);
    if (own === undefined || operation === 'restart') return;
    const back = operation === 'rollback' ? own.former : undefined;
    const next = back ?? mergeOptions(own.options, changes);
    this.#own.set(name, { ...own, options: next, former: own.options });
  }

  /** What a daemon that knows nothing of them is to be asked for, in the order of their loading. */
  get wanted(): readonly LoadOptions[] {
    return [...this.#own.values()].flatMap(({ options, daemons }) => (daemons ? [] : [options]));
  }
}
