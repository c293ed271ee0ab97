import { PluginError } from '@plugd/protocol/plugin-error';
import { valid } from 'semver';
import type { HostEventListener } from '../events/event-log';
import type { LoadOptions } from '../instance/load-options';
import { check, isText } from '../instance/option-check';
import { resolveSpec } from '../instance/plugin-spec';
import { loadInOrder, nameTaken } from '../load-in-order';
import type { HostedPlugin } from '../plugin';
import type { PluginHost } from '../plugin-host';
import type { DaemonPlugins } from './daemon-plugins';

/**
 * The plugins of a daemon, shared with whoever else is connected to it. Made by `connectHost`; ended by `close()`, or at the end of
 * its scope by `await using`: that ends the connection, and no plugin.
 */
export class RemoteHost implements PluginHost {
  readonly #plugins: DaemonPlugins;
  readonly #loading = new Set<string>();

  /** Use `connectHost`. */
  constructor(plugins: DaemonPlugins) {
    this.#plugins = plugins;
  }

  /**
   * Starts a plugin in the daemon, or shares the one of that name that runs there, whatever its version is now. Paths are those of
   * this process. If the daemon is started again it is loaded again.
   *
   * Throws PluginError: NAME_TAKEN where this application has loaded it already; OPTIONS_INVALID, also for what can't be told to
   * another process (`tls`, decoded descriptors); DAEMON_UNREACHABLE, HOST_CLOSED, or the code of what went wrong in the start.
   */
  async load(options: LoadOptions): Promise<HostedPlugin> {
    return (await this.#load(options)).plugin;
  }

  async #load(options: LoadOptions) {
    this.#refuseIfClosed();
    const { name } = resolveSpec(options);
    if (this.#loading.has(name) || this.#plugins.isOwn(name)) throw nameTaken(name);
    this.#loading.add(name);
    try {
      return await this.#plugins.load(options);
    } finally {
      this.#loading.delete(name);
    }
  }

  /** As {@link load}, each after those that it depends on. If one fails, those that were not running before are stopped again. */
  async loadAll(all: readonly LoadOptions[]): Promise<HostedPlugin[]> {
    this.#refuseIfClosed();
    const loaded = await loadInOrder(all, {
      known: this.#plugins.all.map(({ name }) => name),
      load: (options) => this.#load(options),
      undo: async ({ plugin, shared }) => (shared ? this.#plugins.stopped(plugin.name) : plugin.stop()),
    });
    return loaded.map(({ plugin }) => plugin);
  }

  /** The plugin of that name, if it runs in the daemon: whoever has loaded it. */
  plugin(name: string): HostedPlugin | undefined {
    return this.#plugins.plugin(name);
  }

  /** All that run in the daemon. */
  plugins(): HostedPlugin[] {
    return this.#plugins.all;
  }

  /**
   * Every change of state in the daemon from the connecting on, numbered from 1, with its cause; and that plugins can't be reached
   * while the daemon can't. A gap in the numbers means lost events: the daemon was started again, or this process was slow.
   */
  on(_event: 'event', listener: HostEventListener): this {
    this.#plugins.events.add(listener);
    return this;
  }

  /** Ends what {@link on} began with the same listener. */
  off(_event: 'event', listener: HostEventListener): this {
    this.#plugins.events.remove(listener);
    return this;
  }

  /** See `Host.pin`. Throws PluginError OPTIONS_INVALID, DAEMON_UNREACHABLE, and what the daemon's host throws. */
  async pin(name: string, version: string): Promise<void> {
    this.#refuseIfClosed();
    check(isText(name) && name !== '', 'name', name, 'the name of a plugin');
    const good = isText(version) && /^\d/.test(version) && valid(version) !== null;
    check(good, 'version', version, 'a semantic version');
    await this.#plugins.admin.pinPlugin({ plugin: name, version });
  }

  /** See `Host.unpin`. Throws what {@link pin} throws. */
  async unpin(name: string): Promise<void> {
    this.#refuseIfClosed();
    check(isText(name) && name !== '', 'name', name, 'the name of a plugin');
    await this.#plugins.admin.unpinPlugin({ plugin: name });
  }

  /** Ends the connection. Plugins go on, calls in flight too; operations go on unseen. May be called again. */
  close(): Promise<void> {
    return this.#plugins.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #refuseIfClosed(): void {
    const { closed } = this.#plugins;
    if (closed !== undefined) throw new PluginError('HOST_CLOSED', `${closed.details}.`);
  }
}
