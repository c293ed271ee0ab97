import type {
  BeginOperationRequest,
  Change,
  DescribePluginResponse,
  GetDaemonResponse,
  LoadPluginRequest,
  LoadPluginResponse,
  OperationTraffic,
  PluginRow,
  ReadLogsRequest,
  ReadLogsResponse,
} from '@plugd/protocol/gen/plugd/admin/v1/admin';
import type { AdminBackend, AuditRecord } from '../admin/admin-backend';
import type { EventBuffer } from '../admin/event-buffer';
import type { KeptOperation, OperationsBook } from '../admin/operations-book';
import { trafficOf } from '../admin/rows';
import type { Host } from '../host';
import type { RollbackOptions, RollbackPlan } from '../upgrade/upgrade-options';
import type { PluginChanges } from './plugin-changes';
import type { PluginViews } from './plugin-views';

/** What a daemon is made of, as far as its admin API needs it. */
export interface BackendParts {
  readonly host: Host;
  readonly events: EventBuffer;
  readonly operations: OperationsBook;
  readonly views: PluginViews;
  readonly changes: PluginChanges;
  readonly about: () => GetDaemonResponse;
  readonly shutdown: () => void;
}

/** What the admin API asks of a daemon, each by the part that knows it. */
export class DaemonBackend implements AdminBackend {
  readonly events: EventBuffer;
  readonly operations: OperationsBook;
  readonly #parts: BackendParts;

  constructor(parts: BackendParts) {
    this.#parts = parts;
    this.events = parts.events;
    this.operations = parts.operations;
  }

  about(): GetDaemonResponse {
    return this.#parts.about();
  }

  list(): Promise<PluginRow[]> {
    return this.#parts.views.list();
  }

  describe(plugin: string): Promise<DescribePluginResponse> {
    return this.#parts.views.describe(plugin);
  }

  contract(plugin: string): Promise<Uint8Array> {
    return this.#parts.views.contract(plugin);
  }

  traffic(operation: KeptOperation): OperationTraffic | undefined {
    const snapshot = this.#parts.host.pluginSnapshot(operation.plugin);
    return snapshot && trafficOf(snapshot, operation);
  }

  async *logs(_query: ReadLogsRequest, _signal: AbortSignal): AsyncGenerator<ReadLogsResponse> {}

  async load(request: LoadPluginRequest): Promise<LoadPluginResponse> {
    const { name, shared } = await this.#parts.changes.load(request);
    return { row: await this.#parts.views.row(name), shared };
  }

  stop(plugin: string): Promise<void> {
    return this.#parts.changes.stop(plugin);
  }

  start(plugin: string): Promise<void> {
    return this.#parts.changes.start(plugin);
  }

  begin(request: BeginOperationRequest): Promise<KeptOperation> {
    return this.#parts.changes.begin(request);
  }

  planRollback(plugin: string, options: RollbackOptions): Promise<RollbackPlan> {
    return this.#parts.changes.running(plugin).rollbackPlan(options);
  }

  pin(plugin: string, version: string): Promise<void> {
    return this.#parts.host.pin(plugin, version);
  }

  unpin(plugin: string): Promise<void> {
    return this.#parts.host.unpin(plugin);
  }

  async diff(): Promise<Change[]> {
    return [];
  }

  async reconcile(): Promise<Change[]> {
    return [];
  }

  shutdown(): void {
    this.#parts.shutdown();
  }

  audit(_record: AuditRecord): void {}
}
