import type { HostEvent } from '../events/host-event';
import type { LoadOptions } from '../instance/load-options';
import type { Plugin } from '../plugin';

/** A plugin that an application has loaded, and not a directory. */
export interface LoadedByApplication {
  readonly options: LoadOptions;
  /** What the front door is to offer; empty: all that the plugin describes. */
  readonly services: readonly string[];
}

/** What runs such plugins. */
export interface LoadingHost {
  load(options: LoadOptions): Promise<Plugin>;
  plugin(name: string): Plugin | undefined;
}

interface Entry {
  readonly loaded: LoadedByApplication;
  /** What runs under the name later may be the directory's. */
  readonly plugin: Plugin;
}

interface Loading {
  readonly loaded: LoadedByApplication;
  readonly plugin: Promise<Plugin>;
}

/** So many that were stopped can be started again. */
const mostStopped = 100;

/** The plugins that applications have loaded, and the latest of them that were stopped since. */
export class ApplicationPlugins {
  readonly #host: LoadingHost;
  readonly #entries = new Map<string, Entry>();
  readonly #loading = new Map<string, Loading>();

  constructor(host: LoadingHost) {
    this.#host = host;
  }

  /** Also of those that are being loaded, or were stopped. */
  get names(): readonly string[] {
    return [...new Set([...this.#entries.keys(), ...this.#loading.keys()])];
  }

  /** What runs under a name; undefined: nothing, or it is not an application's. */
  running(name: string): LoadedByApplication | undefined {
    const entry = this.#entries.get(name);
    return entry !== undefined && this.#host.plugin(name) === entry.plugin ? entry.loaded : undefined;
  }

  /** What is being loaded. */
  beingLoaded(name: string): LoadedByApplication | undefined {
    return this.#loading.get(name)?.loaded;
  }

  /** What ran under a name where nothing does now. */
  stopped(name: string): LoadedByApplication | undefined {
    return this.#host.plugin(name) === undefined ? this.#entries.get(name)?.loaded : undefined;
  }

  /** Resolves when what is being loaded under a name runs, at once where nothing is. Throws why it can't be run. */
  async whenLoaded(name: string): Promise<void> {
    await this.#loading.get(name)?.plugin;
  }

  /** Throws what `host.load` throws. */
  async load(name: string, loaded: LoadedByApplication): Promise<void> {
    const loading = this.#host.load(loaded.options);
    this.#loading.set(name, { loaded, plugin: loading });
    try {
      const plugin = await loading;
      // The latest is the last one.
      this.#entries.delete(name);
      this.#entries.set(name, { loaded, plugin });
      this.#forgetStopped();
    } finally {
      this.#loading.delete(name);
    }
  }

  /** For `host.on('event')`: what the directory runs under a name is not to be taken for what an application ran before. */
  readonly observe = (event: HostEvent): void => {
    if (event.type !== 'artifact' || event.phase !== 'running') return;
    if (this.running(event.plugin) === undefined) this.#entries.delete(event.plugin);
  };

  /** Applications may load plugins under ever new names. */
  #forgetStopped(): void {
    const stopped = [...this.#entries.keys()].filter((name) => this.#host.plugin(name) === undefined);
    for (const name of stopped.slice(0, Math.max(0, stopped.length - mostStopped)))
      this.#entries.delete(name);
  }
}
