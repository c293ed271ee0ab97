import { PluginError } from '@plugd/protocol/plugin-error';
import type { DaemonConfig } from '../config/config';
import { type ConfigChanges, configChanges } from '../config/config-changes';
import { readConfig } from '../config/read-config';
import type { Redactor } from '../config/redactor';
import { resolveSettings } from '../config/resolve-settings';
import type { PluginOverrides } from '../watch/plugin-overrides';

type Settings = ReadonlyMap<string, PluginOverrides>;

/** A config that was read and found good, with what stands in the files of secrets. */
export interface ReadConfig {
  readonly config: DaemonConfig | undefined;
  readonly settings: Settings;
  /** What is different from the one in force. */
  readonly changes: ConfigChanges;
}

/** Settings that are in force as soon as they are read. */
const live: readonly string[] = ['logs.level'];

/** The config in force, and what of the one on disk is not. */
export class ConfigBook {
  readonly #file: string | undefined;
  readonly #redactor: Redactor;
  /** What the daemon was started with: of its own settings those hold until its end. */
  readonly #first: DaemonConfig | undefined;
  #config: DaemonConfig | undefined;
  #settings: Settings = new Map();
  readonly #unresolved = new Map<string, PluginError>();
  #problem: PluginError | undefined;

  private constructor(file: string | undefined, config: DaemonConfig | undefined, redactor: Redactor) {
    this.#file = file;
    this.#first = config;
    this.#config = config;
    this.#redactor = redactor;
  }

  /** A plugin whose secrets can't be read is not run; the others are. Never rejects for that. */
  static async open(
    file: string | undefined,
    config: DaemonConfig | undefined,
    redactor: Redactor,
  ): Promise<ConfigBook> {
    const book = new ConfigBook(file, config, redactor);
    const settings = new Map<string, PluginOverrides>();
    for (const [name, given] of Object.entries(config?.plugins ?? {})) {
      try {
        const { overrides, secrets } = await resolveSettings(given);
        redactor.add(secrets);
        settings.set(name, overrides);
      } catch (error) {
        if (!(error instanceof PluginError)) throw error;
        book.#unresolved.set(name, error);
        settings.set(name, { enabled: false });
      }
    }
    book.#settings = settings;
    return book;
  }

  get file(): string | undefined {
    return this.#file;
  }

  get config(): DaemonConfig | undefined {
    return this.#config;
  }

  /** For `pluginsDir.settings`. */
  readonly settingsOf = (name: string): PluginOverrides | undefined => this.#settings.get(name);

  /** Why a plugin isn't run by its settings; undefined: it is. */
  problemOf(name: string): PluginError | undefined {
    return this.#unresolved.get(name);
  }

  /** Plugins that are not run for what is wrong with their settings. */
  get unresolved(): ReadonlyMap<string, PluginError> {
    return this.#unresolved;
  }

  /** Why the config on disk is not the one in force, in a sentence; empty: it is. */
  get problem(): string {
    if (this.#problem !== undefined) return this.#problem.summary;
    const settings = this.needsRestart().map(({ setting }) => setting);
    return settings.length === 0 ? '' : `Start the daemon again for these to count: ${settings.join(', ')}.`;
  }

  /** The daemon's own settings that are others now than when it was started. */
  needsRestart(config = this.#config): ConfigChanges['daemon'] {
    return configChanges(this.#first, config).daemon.filter(({ setting }) => !live.includes(setting));
  }

  /** What is on disk now. Throws PluginError CONFIG_FILE_UNREADABLE, CONFIG_INVALID, SECRET_UNREADABLE, SECRET_UNSAFE. */
  async read(): Promise<ReadConfig> {
    const file = this.#file;
    const config = file === undefined ? undefined : await readConfig(file);
    const settings = new Map<string, PluginOverrides>();
    for (const [name, given] of Object.entries(config?.plugins ?? {})) {
      const { overrides, secrets } = await resolveSettings(given);
      this.#redactor.add(secrets);
      settings.set(name, overrides);
    }
    return { config, settings, changes: configChanges(this.#config, config) };
  }

  /** Is in force from now on. */
  accept({ config, settings }: ReadConfig): void {
    this.#config = config;
    this.#settings = settings;
    this.#unresolved.clear();
    this.#problem = undefined;
  }

  /** What is on disk can't be used; what was in force stays so. */
  refuse(problem: PluginError): void {
    this.#problem = problem;
  }
}
