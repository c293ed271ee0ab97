import { PluginError } from '@plugd/protocol/plugin-error';
import type { MissingOption } from './instance/attach-options';
import type { InstanceFactory } from './instance/instance-factory';
import type { LoadOptions } from './instance/load-options';
import { ownOptions, resolveSpec } from './instance/plugin-spec';
import type { JournaledSide } from './journaled-operation';
import { mergeOptions } from './upgrade/merge-options';
import type { UpgradeOptions } from './upgrade/upgrade-options';

/** Which options a plugin runs by, and ran by before. */
export class OptionHistory {
  readonly #plugin: string;
  readonly #factory: InstanceFactory;
  /** Those that the application loaded it with. */
  readonly #loaded: LoadOptions;
  #missing: readonly MissingOption[];
  #now: LoadOptions;
  #former: LoadOptions | undefined;

  /** @param missing what every operation has to be given, until one has succeeded: see {@link MissingOption} */
  constructor(
    plugin: string,
    factory: InstanceFactory,
    loaded: LoadOptions,
    missing: readonly MissingOption[],
  ) {
    this.#plugin = plugin;
    this.#factory = factory;
    this.#loaded = loaded;
    this.#now = loaded;
    this.#missing = missing;
  }

  /** Of what runs, or ran last. */
  get now(): LoadOptions {
    return this.#now;
  }

  /** Of what was served before the last upgrade or rollback. */
  get former(): LoadOptions | undefined {
    return this.#former;
  }

  /** The same. Throws PluginError NOTHING_TO_ROLL_BACK. */
  requireFormer(): LoadOptions {
    if (this.#former !== undefined) return this.#former;
    throw new PluginError(
      'NOTHING_TO_ROLL_BACK',
      `Plugin ${this.#plugin} has not been upgraded since it was loaded.`,
    );
  }

  /** By the journal it is another version that runs than the application has loaded; undefined: it is that one. */
  adopt(side: JournaledSide | undefined): void {
    this.#now = this.#loaded;
    if (side === undefined) return;
    const { version, command, args, cwd, sha256 } = side;
    // If it is the other one of the two that the operation knew, a rollback leads to that which was asked for.
    this.#former = version === this.#loaded.version ? undefined : this.#loaded;
    const { sha256: _former, cwd: _place, ...options } = this.#loaded;
    this.#now = {
      ...options,
      version,
      command,
      args,
      ...(cwd === undefined ? {} : { cwd }),
      ...(sha256 === undefined ? {} : { sha256 }),
    };
  }

  /** It runs by these. @param former what a rollback leads to; undefined: what it led to before */
  placed(now: LoadOptions, former: LoadOptions | undefined): void {
    this.#now = now;
    this.#former = former ?? this.#former;
    this.#missing = [];
  }

  /** The options of the next generation, its command found. Throws OPTIONS_INVALID, COMMAND_NOT_FOUND and its kin. */
  resolve(changes: UpgradeOptions): LoadOptions {
    for (const option of this.#missing) {
      if (changes[option] !== undefined) continue;
      throw new PluginError(
        'OPTIONS_INVALID',
        `Plugin ${this.#plugin} was attached by its line: to start it this host needs the option ${option}.`,
        { facts: { option }, hint: 'Give it to host.attach(), or to upgrade().' },
      );
    }
    const merged = mergeOptions(this.#now, changes);
    const spec = resolveSpec(merged);
    return ownOptions(
      merged,
      spec,
      changes.command === undefined ? spec.command : this.#factory.resolveCommand(spec),
    );
  }
}
