import type { BeginOperationRequest, LoadPluginRequest } from '@plugd/protocol/gen/plugd/admin/v1/admin';
import { PluginError } from '@plugd/protocol/plugin-error';
import type { KeptOperation, OperationsBook } from '../admin/operations-book';
import { loadOptionsFrom, rollbackOptionsFrom, upgradeOptionsFrom } from '../admin/wire-options';
import type { Host } from '../host';
import type { LoadOptions } from '../instance/load-options';
import { isText, refuse } from '../instance/option-check';
import type { Plugin } from '../plugin';
import type { OperationHandle } from '../upgrade/operation-handle';
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
      this.#applications.set(name, loaded);
    } finally {
      this.#loading.delete(name);
    }
  }

  async stop(name: string): Promise<void> {
    await this.running(name).stop();
  }

  async start(name: string): Promise<void> {
    if (this.#host.plugin(name) !== undefined) return;
    const application = this.#applications.get(name);
    if (application === undefined) throw notFound(name);
    await this.#load(name, application);
  }

  async begin({ plugin: name, operation, target, options }: BeginOperationRequest): Promise<KeptOperation> {
    const plugin = this.running(name);
    const handle = this.#handle(plugin, operation, target, options);
    const kept = this.#operations.of(handle);
    if (kept === undefined) throw new Error(`the operation on ${name} was not told of`);
    return kept;
  }

  #handle(
    plugin: Plugin,
    operation: string,
    target: string,
    options: BeginOperationRequest['options'],
  ): OperationHandle {
    if (operation !== 'upgrade' && target !== '') refuse('target', target, 'left out but for an upgrade');
    if (operation === 'restart') return plugin.restart(upgradeOptionsFrom(options));
    if (operation === 'rollback') return plugin.rollback(rollbackOptionsFrom(options));
    if (operation !== 'upgrade') refuse('operation', operation, 'upgrade, restart or rollback');
    if (target !== '') refuse('target', target, 'empty');
    return plugin.upgrade(upgradeOptionsFrom(options));
  }

  /** Throws PluginError PLUGIN_NOT_FOUND, PLUGIN_STOPPED. */
  running(name: string): Plugin {
    const plugin = this.#host.plugin(name);
    if (plugin !== undefined) return plugin;
    if (!this.#applications.has(name)) throw notFound(name);
    throw new PluginError('PLUGIN_STOPPED', `Plugin ${name} was stopped.`, {
      facts: { plugin: name },
      hint: `plugd start ${name} lets it run again.`,
    });
  }
}

export function notFound(name: string): PluginError {
  return new PluginError('PLUGIN_NOT_FOUND', `There is no plugin ${name}.`, { facts: { plugin: name } });
}
