import type {
  DescribePluginResponse,
  OperationRow,
  PluginRow,
  VersionOnDisk,
} from '@plugd/protocol/gen/plugd/admin/v1/admin';
import type { JsonObject } from '@plugd/protocol/json-value';
import { descriptorSet } from '../admin/descriptor-set';
import type { EventBuffer } from '../admin/event-buffer';
import type { OperationsBook } from '../admin/operations-book';
import { emptyRow, operationRow, runningPart, serviceRow } from '../admin/rows';
import { asStruct } from '../admin/struct';
import type { Redactor } from '../config/redactor';
import type { Contract } from '../contract/contract';
import type { HostEvent } from '../events/host-event';
import type { Host } from '../host';
import type { Plugin } from '../plugin';
import { highestWhole, type WatchedPluginStatus, type WatchedVersion } from '../watch/watched-versions';
import type { ApplicationPlugins } from './application-plugins';
import type { ConfigBook } from './config-book';
import { contractOf, type Doors } from './doors';
import { notFound, type PluginChanges } from './plugin-changes';
import type { WatchedHost } from './watched-host';
import { withoutEnvironment } from './without-environment';

export interface ViewParts {
  readonly host: Host;
  readonly operations: OperationsBook;
  readonly events: EventBuffer;
  readonly applications: ApplicationPlugins;
  readonly changes: PluginChanges;
  readonly watched: WatchedHost;
  readonly book: ConfigBook;
  readonly doors: Doors;
  readonly redactor: Redactor;
  /** Its operations that daemons before this one had begun, the latest first. */
  readonly earlier: (plugin: string) => Promise<OperationRow[]>;
}

/** What is known of plugins, as the admin API tells it. */
export class PluginViews {
  readonly #parts: ViewParts;
  /** Why plugins have failed that have not served since. One that never came up is not kept. */
  readonly #failures = new WeakMap<Plugin, string>();

  constructor(parts: ViewParts) {
    this.#parts = parts;
  }

  /** For `host.on('event')`. */
  readonly observe = (event: HostEvent): void => {
    if (event.type !== 'plugin') return;
    const { to, cause } = event;
    const plugin = this.#parts.host.plugin(event.plugin);
    if (plugin === undefined) return;
    if (to === 'failed') this.#failures.set(plugin, cause.message ?? cause.code ?? cause.reason);
    else this.#failures.delete(plugin);
  };

  /** By name. */
  async list(): Promise<PluginRow[]> {
    const watched = this.#parts.watched.all();
    return this.#names(watched).map((name) => this.#row(name, watched.get(name)));
  }

  /** Throws PluginError PLUGIN_NOT_FOUND. */
  async row(name: string): Promise<PluginRow> {
    const watched = this.#parts.watched.all();
    if (!this.#names(watched).includes(name)) throw notFound(name);
    return this.#row(name, watched.get(name));
  }

  #names(watched: ReadonlyMap<string, WatchedPluginStatus>): string[] {
    const { host, applications, book } = this.#parts;
    const running = host.plugins().map(({ name }) => name);
    const configured = Object.keys(book.config?.plugins ?? {});
    const all = [...running, ...watched.keys(), ...applications.names, ...configured];
    return [...new Set(all)].sort();
  }

  #row(name: string, watched: WatchedPluginStatus | undefined): PluginRow {
    const { host, changes, operations, book, doors } = this.#parts;
    const snapshot = host.pluginSnapshot(name);
    const application = changes.application(name, watched) !== undefined;
    const plugin = host.plugin(name);
    const onDisk = watchedProblem(watched);
    const problem =
      (plugin && this.#failures.get(plugin)) ??
      book.problemOf(name)?.summary ??
      onDisk ??
      doors.problemOf(name);
    return {
      ...emptyRow(name),
      source: application ? 'application' : 'directory',
      ...idleState(application, watched, onDisk),
      diskVersion: highestWhole(watched?.versions ?? [])?.version ?? '',
      pinnedVersion: watched?.pinned ?? '',
      ...(snapshot === undefined ? {} : runningPart(snapshot)),
      operation: operations.running(name)?.id ?? '',
      problem: problem ?? '',
      note: watchedNote(watched) ?? '',
    };
  }

  /** Throws PluginError PLUGIN_NOT_FOUND. */
  async describe(name: string, brief: boolean): Promise<DescribePluginResponse> {
    const { host, operations, events, doors, watched } = this.#parts;
    const row = await this.row(name);
    const plugin = host.plugin(name);
    const seen = host.pluginSnapshot(name);
    // Of this moment: what follows takes time.
    const now = { row, snapshot: seen && asStruct(seen), eventSequence: events.latest };
    if (brief) return { ...now, versions: [], services: [], operations: [], options: undefined };
    const contract = plugin && (await knownContract(plugin));
    const onDisk = watched.get(name);
    const isPublic = new Set(doors.public(name));
    return {
      ...now,
      versions: (onDisk?.versions ?? []).map(versionRow),
      services: (contract?.services ?? []).map((service) => serviceRow(service, isPublic.has(service.name))),
      operations: [...operations.list(name).map(operationRow), ...(await this.#parts.earlier(name))],
      options: this.#optionsOf(name, onDisk),
    };
  }

  /** Without secrets: those of files are known as such, and of the variables that clients give each may be one. */
  #optionsOf(name: string, onDisk: WatchedPluginStatus | undefined): JsonObject | undefined {
    const { host, changes, watched, book, redactor } = this.#parts;
    const application = changes.application(name, onDisk);
    const options = host.plugin(name)?.handedOver()?.options ?? application?.options;
    if (options === undefined) return undefined;
    // It can be large, and `services` tells what it says.
    const { contract: _contract, tls: _tls, ...shown } = options;
    const known = application ? {} : { ...watched.manifest(name)?.env, ...book.settingsOf(name)?.env };
    return redactor.redactDocument(withoutEnvironment(asStruct(shown), known));
  }

  /** A FileDescriptorSet; empty: nothing is known. Throws PluginError PLUGIN_NOT_FOUND. */
  async contract(name: string): Promise<Uint8Array> {
    await this.row(name);
    const plugin = this.#parts.host.plugin(name);
    const contract = plugin && (await knownContract(plugin));
    return contract === undefined ? new Uint8Array() : descriptorSet(contract);
  }
}

/** Of one that doesn't run: one that is wanted and can't be run has failed. */
function idleState(
  application: boolean,
  watched: WatchedPluginStatus | undefined,
  problem: string | undefined,
): Partial<PluginRow> {
  if (!application && problem !== undefined) return { state: 'failed' };
  const stopped = application || (watched !== undefined && watched.versions.length > 0);
  return stopped ? { state: 'stopped' } : {};
}

/** What somebody has done with a plugin of the directory; undefined: nothing. */
function watchedNote(watched: WatchedPluginStatus | undefined): string | undefined {
  return watched?.enabled === false ? 'its settings disable it' : watched?.left;
}

/** Why what is wanted of a plugin of the directory doesn't run; undefined: it does. */
function watchedProblem(watched: WatchedPluginStatus | undefined): string | undefined {
  if (watched === undefined) return undefined;
  const { left, pinned, running, versions, enabled } = watched;
  if (left !== undefined || !enabled) return undefined;
  if (pinned !== undefined && pinned !== running && versions.every(({ version }) => version !== pinned))
    return `it is pinned to ${pinned}, which is not on disk`;
  for (const { version, problem } of versions) {
    if (problem !== undefined && (pinned === undefined || pinned === version)) return problem.summary;
    if (version === running) return undefined;
  }
  return undefined;
}

function versionRow({ version, state, digest = '', problem, directory }: WatchedVersion): VersionOnDisk {
  return { version, state, digest, problem: problem?.summary ?? '', directory };
}

/** Undefined: nothing is known of its services, or it can't be asked now. */
async function knownContract(plugin: Plugin): Promise<Contract | undefined> {
  return contractOf(plugin).catch(() => undefined);
}
