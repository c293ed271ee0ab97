import type { DescribePluginResponse, PluginRow } from '@plugd/protocol/gen/plugd/admin/v1/admin';
import type { JsonObject } from '@plugd/protocol/json-value';
import { descriptorSet } from '../admin/descriptor-set';
import type { EventBuffer } from '../admin/event-buffer';
import type { OperationsBook } from '../admin/operations-book';
import { emptyRow, operationRow, runningPart, serviceRow } from '../admin/rows';
import { asStruct } from '../admin/struct';
import type { Redactor } from '../config/redactor';
import type { Contract } from '../contract/contract';
import type { Host } from '../host';
import type { Plugin } from '../plugin';
import { withoutEnvironment } from './audit-log';
import type { ConfigBook } from './config-book';
import { contractOf, type Doors } from './doors';
import { notFound, type PluginChanges } from './plugin-changes';
import type { WatchedHost } from './watched-host';

export interface ViewParts {
  readonly host: Host;
  readonly operations: OperationsBook;
  readonly events: EventBuffer;
  readonly changes: PluginChanges;
  readonly watched: WatchedHost;
  readonly book: ConfigBook;
  readonly doors: Doors;
  readonly redactor: Redactor;
}

/** What is known of plugins, as the admin API tells it. */
export class PluginViews {
  readonly #parts: ViewParts;

  constructor(parts: ViewParts) {
    this.#parts = parts;
  }

  /** By name. */
  async list(): Promise<PluginRow[]> {
    return this.#names().map((name) => this.#row(name));
  }

  /** Throws PluginError PLUGIN_NOT_FOUND. */
  async row(name: string): Promise<PluginRow> {
    if (!this.#names().includes(name)) throw notFound(name);
    return this.#row(name);
  }

  #names(): string[] {
    const { host, changes, book } = this.#parts;
    const running = host.plugins().map(({ name }) => name);
    const configured = Object.keys(book.config?.plugins ?? {});
    return [...new Set([...running, ...changes.applications.keys(), ...configured])].sort();
  }

  #row(name: string): PluginRow {
    const { host, changes, operations } = this.#parts;
    const snapshot = host.pluginSnapshot(name);
    const application = changes.applications.has(name);
    return {
      ...emptyRow(name),
      ...(application ? { source: 'application', state: 'stopped' } : {}),
      ...(snapshot === undefined ? {} : runningPart(snapshot)),
      operation: operations.running(name)?.id ?? '',
    };
  }

  /** Throws PluginError PLUGIN_NOT_FOUND. */
  async describe(name: string): Promise<DescribePluginResponse> {
    const { host, operations, events, doors } = this.#parts;
    const row = await this.row(name);
    const plugin = host.plugin(name);
    const snapshot = host.pluginSnapshot(name);
    const contract = plugin && (await knownContract(plugin));
    const isPublic = new Set(doors.public(name));
    return {
      row,
      snapshot: snapshot && asStruct(snapshot),
      versions: [],
      services: (contract?.services ?? []).map((service) => serviceRow(service, isPublic.has(service.name))),
      operations: operations.list(name).map(operationRow),
      options: this.#optionsOf(name),
      eventSequence: events.latest,
    };
  }

  /** Without secrets: those of files are known as such, and of an application's variables each may be one. */
  #optionsOf(name: string): JsonObject | undefined {
    const { host, changes, redactor } = this.#parts;
    const application = changes.applications.get(name);
    const options = host.plugin(name)?.handedOver()?.options ?? application?.options;
    if (options === undefined) return undefined;
    // It can be large, and `services` tells what it says.
    const { contract: _contract, tls: _tls, ...shown } = options;
    const plain = redactor.redactJson(asStruct(shown));
    return application === undefined ? plain : withoutEnvironment(plain);
  }

  /** A FileDescriptorSet; empty: nothing is known. Throws PluginError PLUGIN_NOT_FOUND. */
  async contract(name: string): Promise<Uint8Array> {
    await this.row(name);
    const plugin = this.#parts.host.plugin(name);
    const contract = plugin && (await knownContract(plugin));
    return contract === undefined ? new Uint8Array() : descriptorSet(contract);
  }
}

/** Undefined: nothing is known of its services, or it can't be asked now. */
async function knownContract(plugin: Plugin): Promise<Contract | undefined> {
  return contractOf(plugin).catch(() => undefined);
}
