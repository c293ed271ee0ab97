import { isAbsolute } from 'node:path';
import type { BeginOperationRequest, LoadPluginRequest } from '@plugd/protocol/gen/plugd/admin/v1/admin';
import { PluginError } from '@plugd/protocol/plugin-error';
import type { KeptOperation, OperationsBook } from '../admin/operations-book';
import { loadOptionsFrom, rollbackOptionsFrom, upgradeOptionsFrom } from '../admin/wire-options';
import type { Host } from '../host';
import type { LoadOptions } from '../instance/load-options';
import { isText, refuse } from '../instance/option-check';
import type { Plugin } from '../plugin';
import type { OperationHandle } from '../upgrade/operation-handle';
import { highestWhole } from '../watch/watched-versions';
import type { UpgradeTarget } from '../watched-upgrade';
import type { WatchedHost } from './watched-host';

/** A plugin that an application has loaded, and not a directory. */
export interface LoadedByApplication {
  readonly options: LoadOptions;
  /** What the front door is to offer; empty: all that the plugin describes. */
  readonly services: readonly string[];
}

export interface ChangeParts {
  readonly host: Host;
  readonly operations: OperationsBook;
  readonly watched: WatchedHost;
}

/** So many that were stopped can be started again. */
const mostStopped = 100;

/** Changes to single plugins. */
export class PluginChanges {
  readonly #host: Host;
  readonly #operations: OperationsBook;
  readonly #watched: WatchedHost;
  readonly #applications = new Map<string, LoadedByApplication>();
  readonly #loading = new Map<string, Promise<Plugin>>();

  constructor({ host, operations, watched }: ChangeParts) {
    this.#host = host;
    this.#operations = operations;
    this.#watched = watched;
  }

  /** Those that applications have loaded, also those that were stopped since, by name. */
  get applications(): ReadonlyMap<string, LoadedByApplication> {
    return this.#applications;
  }

  /** Two applications that load one plugin at the same time share it. */
  async load({ options: sent, services }: LoadPluginRequest): Promise<{ name: string; shared: boolean }> {
    const options = loadOptionsFrom(sent);
    const { name } = options;
    if (!isText(name)) refuse('name', name, 'a text');
    if (this.#host.plugin(name) !== undefined) {
      await this.#loading.get(name);
      return { name, shared: true };
    }
    await this.#load(name, { options, services });
    return { name, shared: false };
  }

  async #load(name: string, loaded: LoadedByApplication): Promise<void> {
    const loading = this.#host.load(loaded.options);
    this.#loading.set(name, loading);
    try {
      await loading;
      // The latest is the last one.
      this.#applications.delete(name);
      this.#applications.set(name, loaded);
      this.#forgetStopped();
    } finally {
      this.#loading.delete(name);
    }
  }

  /** Applications may load plugins under ever new names. */
  #forgetStopped(): void {
    const stopped = [...this.#applications.keys()].filter((name) => this.#host.plugin(name) === undefined);
    for (const name of stopped.slice(0, Math.max(0, stopped.length - mostStopped)))
      this.#applications.delete(name);
  }

  /** Throws PluginError PLUGIN_NOT_FOUND, PLUGIN_STOPPED, STOP_FAILED. */
  async stop(name: string): Promise<void> {
    await this.running(name).stop();
  }

  /** Throws PluginError PLUGIN_NOT_FOUND, and why it can't be run. */
  async start(name: string): Promise<void> {
    const application = this.#applications.get(name);
    if (application === undefined && this.#watched.get(name) === undefined) throw notFound(name);
    if (application === undefined) await this.#host.startAgain(name);
    else if (this.#host.plugin(name) === undefined) await this.#load(name, application);
  }

  async begin(request: BeginOperationRequest): Promise<KeptOperation> {
    return this.#operations.whenBegun(this.#handle(request));
  }

  #handle({ plugin: name, operation, target, options }: BeginOperationRequest): OperationHandle {
    const plugin = this.running(name);
    if (operation !== 'upgrade' && target !== '') refuse('target', target, 'left out but for an upgrade');
    if (operation === 'restart') return plugin.restart(upgradeOptionsFrom(options));
    if (operation === 'rollback') return plugin.rollback(rollbackOptionsFrom(options));
    if (operation !== 'upgrade') refuse('operation', operation, 'upgrade, restart or rollback');
    const changes = upgradeOptionsFrom(options);
    const found = changes.command === undefined ? this.#targetOf(name, target) : undefined;
    if (found !== undefined) return this.#host.upgradeTo(name, found, changes);
    if (target !== '') refuse('target', target, 'left out for a plugin that an application has loaded');
    return plugin.upgrade(changes);
  }

  /** Undefined: the options say all. */
  #targetOf(name: string, target: string): UpgradeTarget | undefined {
    const watched = this.#applications.has(name) ? undefined : this.#watched.get(name);
    if (watched === undefined) return undefined;
    if (isAbsolute(target)) return { directory: target };
    if (target !== '') return { version: target };
    const version = watched.pinned ?? highestWhole(watched.versions)?.version;
    return version === undefined ? undefined : { version };
  }

  /** Throws PluginError PLUGIN_NOT_FOUND, PLUGIN_STOPPED. */
  running(name: string): Plugin {
    const plugin = this.#host.plugin(name);
    if (plugin !== undefined) return plugin;
    if (!this.#applications.has(name) && this.#watched.get(name) === undefined) throw notFound(name);
    throw new PluginError('PLUGIN_STOPPED', `Plugin ${name} doesn't run.`, {
      facts: { plugin: name },
      hint: `plugd start ${name} lets it run again.`,
    });
  }
}

export function notFound(name: string): PluginError {
  return new PluginError('PLUGIN_NOT_FOUND', `There is no plugin ${name}.`, { facts: { plugin: name } });
}
