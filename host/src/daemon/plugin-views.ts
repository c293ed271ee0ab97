import type { DescribePluginResponse, PluginRow } from '@plugd/protocol/gen/plugd/admin/v1/admin';
import type { EventBuffer } from '../admin/event-buffer';
import type { OperationsBook } from '../admin/operations-book';
import { emptyRow, operationRow, runningPart } from '../admin/rows';
import { asStruct } from '../admin/struct';
import type { DaemonConfig } from '../config/config';
import type { Host } from '../host';
import { notFound, type PluginChanges } from './plugin-changes';

export interface ViewParts {
  readonly host: Host;
  readonly operations: OperationsBook;
  readonly events: EventBuffer;
  readonly changes: PluginChanges;
  readonly config: () => DaemonConfig | undefined;
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
    const { host, changes, config } = this.#parts;
    const running = host.plugins().map(({ name }) => name);
    const configured = Object.keys(config()?.plugins ?? {});
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
    const { host, operations, events } = this.#parts;
    const row = await this.row(name);
    const plugin = host.plugin(name);
    const snapshot = host.pluginSnapshot(name);
    const options = plugin?.handedOver()?.options;
    return {
      row,
      snapshot: snapshot && asStruct(snapshot),
      versions: [],
      services: [],
      operations: operations.list(name).map(operationRow),
      options: options && asStruct(options),
      eventSequence: events.latest,
    };
  }

  /** A FileDescriptorSet. Throws PluginError PLUGIN_NOT_FOUND. */
  async contract(name: string): Promise<Uint8Array> {
    await this.row(name);
    return new Uint8Array();
  }
}
