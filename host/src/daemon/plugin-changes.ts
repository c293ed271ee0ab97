import { isAbsolute } from 'node:path';
import type { BeginOperationRequest, LoadPluginRequest } from '@plugd/protocol/gen/plugd/admin/v1/admin';
import { PluginError } from '@plugd/protocol/plugin-error';
import type { KeptOperation, OperationsBook } from '../admin/operations-book';
import { loadOptionsFrom, rollbackOptionsFrom, upgradeOptionsFrom } from '../admin/wire-options';
import type { Host } from '../host';
import { isText, refuse } from '../instance/option-check';
import type { Plugin } from '../plugin';
import type { OperationHandle } from '../upgrade/operation-handle';
import type { RollbackOptions, RollbackPlan } from '../upgrade/upgrade-options';
import { highestWhole, isWhole, type WatchedPluginStatus } from '../watch/watched-versions';
import { checkPinned } from '../watched-by-hand';
import type { UpgradeTarget } from '../watched-upgrade';
import type { ApplicationPlugins, LoadedByApplication } from './application-plugins';
import type { ConfigBook } from './config-book';
import type { WatchedHost } from './watched-host';

export interface ChangeParts {
  readonly host: Host;
  readonly operations: OperationsBook;
  readonly watched: WatchedHost;
  readonly applications: ApplicationPlugins;
  readonly book: Pick<ConfigBook, 'problemOf'>;
}

/** Changes to single plugins. */
export class PluginChanges {
  readonly #host: Host;
  readonly #operations: OperationsBook;
  readonly #watched: WatchedHost;
  readonly #applications: ApplicationPlugins;
  readonly #book: Pick<ConfigBook, 'problemOf'>;

  constructor({ host, operations, watched, applications, book }: ChangeParts) {
    this.#host = host;
    this.#operations = operations;
    this.#watched = watched;
    this.#applications = applications;
    this.#book = book;
  }

  /** Two applications that load one plugin at the same time share it. */
  async load({ options: sent, services }: LoadPluginRequest): Promise<{ name: string; shared: boolean }> {
    const options = loadOptionsFrom(sent);
    const { name } = options;
    if (!isText(name)) refuse('name', name, 'a text');
    if (this.#host.plugin(name) !== undefined) {
      await this.#applications.whenLoaded(name);
      return { name, shared: true };
    }
    await this.#applications.load(name, { options, services });
    return { name, shared: false };
  }

  /**
   * What an application has loaded of what runs under a name, is being loaded, or would be started again.
   *
   * @param onDisk of that name: of what has been stopped the directory's counts first
   */
  application(name: string, onDisk: WatchedPluginStatus | undefined): LoadedByApplication | undefined {
    const applications = this.#applications;
    const stopped = canRun(onDisk) ? undefined : applications.stopped(name);
    return applications.running(name) ?? applications.beingLoaded(name) ?? stopped;
  }

  /** Throws PluginError PLUGIN_NOT_FOUND, PLUGIN_STOPPED, STOP_FAILED. */
  async stop(name: string): Promise<void> {
    await this.running(name).stop();
  }

  /** Throws PluginError PLUGIN_NOT_FOUND, and why it can't be run. */
  async start(name: string): Promise<void> {
    await this.#applications.whenLoaded(name);
    const onDisk = this.#watched.get(name);
    const application = this.application(name, onDisk);
    if (application === undefined) await this.#startAgain(name, onDisk);
    else if (this.#host.plugin(name) === undefined) await this.#applications.load(name, application);
  }

  async #startAgain(name: string, onDisk: WatchedPluginStatus | undefined): Promise<void> {
    if (onDisk === undefined) throw notFound(name);
    const problem = this.#book.problemOf(name);
    // Nothing of it is run until that is mended.
    if (problem !== undefined) throw problem;
    await this.#host.startAgain(name);
  }

  /** Throws PluginError PLUGIN_PINNED where it would lead away from the version that the plugin is held at, and what `rollbackPlan` throws. */
  async planRollback(name: string, options: RollbackOptions): Promise<RollbackPlan> {
    const plan = await this.running(name).rollbackPlan(options);
    this.#checkPin(name, plan.version);
    return plan;
  }

  async begin(request: BeginOperationRequest): Promise<KeptOperation> {
    if (request.operation === 'rollback' && this.#pinOf(request.plugin) !== undefined)
      await this.#checkRollback(request);
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
    this.#checkPin(name, changes.version ?? plugin.status().version);
    return plugin.upgrade(changes);
  }

  async #checkRollback({ plugin, options }: BeginOperationRequest): Promise<void> {
    await this.planRollback(plugin, rollbackOptionsFrom(options));
    const other = this.#operations.running(plugin);
    if (other === undefined) return;
    // By its end a rollback leads elsewhere.
    const { operation: running } = other;
    throw new PluginError('BUSY', `Plugin ${plugin} is busy: ${running} runs.`, { facts: { running } });
  }

  #checkPin(name: string, version: string): void {
    checkPinned(name, this.#pinOf(name), version);
  }

  /** Pins are of the directory. */
  #pinOf(name: string): string | undefined {
    return this.#applications.running(name) === undefined ? this.#watched.pin(name) : undefined;
  }

  /** Undefined: the options say all. */
  #targetOf(name: string, target: string): UpgradeTarget | undefined {
    const watched = this.#applications.running(name) ? undefined : this.#watched.get(name);
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
    if (!this.#applications.names.includes(name) && this.#watched.get(name) === undefined)
      throw notFound(name);
    throw new PluginError('PLUGIN_STOPPED', `Plugin ${name} doesn't run.`, {
      facts: { plugin: name },
      hint: `plugd start ${name} lets it run again.`,
    });
  }
}

/** Whether there is something that is run of a plugin of the directory where it was stopped. */
function canRun(onDisk: WatchedPluginStatus | undefined): boolean {
  if (onDisk === undefined || !onDisk.enabled) return false;
  const { pinned, versions } = onDisk;
  return versions.some((one) => isWhole(one) && (pinned === undefined || one.version === pinned));
}

export function notFound(name: string): PluginError {
  return new PluginError('PLUGIN_NOT_FOUND', `There is no plugin ${name}.`, { facts: { plugin: name } });
}
