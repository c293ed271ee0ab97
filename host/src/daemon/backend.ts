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
import type { LogLevel } from '@plugd/protocol/log-record';
import type { AdminBackend, AuditRecord } from '../admin/admin-backend';
import type { Redaction } from '../admin/answers';
import type { EventBuffer } from '../admin/event-buffer';
import type { KeptOperation, OperationsBook } from '../admin/operations-book';
import { trafficOf } from '../admin/rows';
import { logLevels } from '../events/logger';
import { check } from '../instance/option-check';
import type { LogQuery } from '../logs/log-query';
import type { RollbackOptions, RollbackPlan } from '../upgrade/upgrade-options';
import type { DaemonParts } from './daemon-parts';

/** What the admin API needs of a daemon. */
export interface BackendParts
  extends Pick<
    DaemonParts,
    | 'host'
    | 'events'
    | 'operations'
    | 'views'
    | 'changes'
    | 'doors'
    | 'reconciler'
    | 'audit'
    | 'logBook'
    | 'redactor'
  > {
  readonly about: () => GetDaemonResponse;
  readonly shutdown: () => void;
}

/** What the admin API asks of a daemon, each by the part that knows it. */
export class DaemonBackend implements AdminBackend {
  readonly events: EventBuffer;
  readonly operations: OperationsBook;
  readonly redaction: Redaction;
  readonly #parts: BackendParts;

  constructor(parts: BackendParts) {
    this.#parts = parts;
    this.events = parts.events;
    this.operations = parts.operations;
    this.redaction = parts.redactor;
  }

  about(): GetDaemonResponse {
    return this.#parts.about();
  }

  list(): Promise<PluginRow[]> {
    return this.#parts.views.list();
  }

  describe(plugin: string, brief: boolean): Promise<DescribePluginResponse> {
    return this.#parts.views.describe(plugin, brief);
  }

  contract(plugin: string): Promise<Uint8Array> {
    return this.#parts.views.contract(plugin);
  }

  traffic(operation: KeptOperation): OperationTraffic | undefined {
    const snapshot = this.#parts.host.pluginSnapshot(operation.plugin);
    return snapshot && trafficOf(snapshot, operation);
  }

  async *logs(
    asked: ReadLogsRequest,
    signal: AbortSignal,
  ): AsyncGenerator<ReadLogsResponse, void, undefined> {
    yield* this.#parts.logBook.read(logQuery(asked), signal);
  }

  async load(request: LoadPluginRequest): Promise<LoadPluginResponse> {
    const { changes, doors } = this.#parts;
    const { name, shared } = await changes.load(request);
    // Its first call may come as soon as this is answered.
    await doors.sync(name);
    return { row: await this.#parts.views.row(name), shared };
  }

  async stop(plugin: string): Promise<void> {
    await this.#parts.changes.stop(plugin);
    await this.#parts.doors.sync(plugin);
  }

  async start(plugin: string): Promise<void> {
    await this.#parts.changes.start(plugin);
    await this.#parts.doors.sync(plugin);
  }

  begin(request: BeginOperationRequest): Promise<KeptOperation> {
    return this.#parts.changes.begin(request);
  }

  planRollback(plugin: string, options: RollbackOptions): Promise<RollbackPlan> {
    return this.#parts.changes.planRollback(plugin, options);
  }

  pin(plugin: string, version: string): Promise<void> {
    return this.#parts.host.pin(plugin, version);
  }

  unpin(plugin: string): Promise<void> {
    return this.#parts.host.unpin(plugin);
  }

  diff(): Promise<Change[]> {
    return this.#parts.reconciler.diff();
  }

  reconcile(): Promise<Change[]> {
    return this.#parts.reconciler.reconcile();
  }

  shutdown(): void {
    this.#parts.shutdown();
  }

  audit(record: AuditRecord): void {
    this.#parts.audit.write(record);
  }
}

/** As the log has it: what a request leaves out is empty, or 0. */
function logQuery({ plugin, level, since, grep, follow, tail }: ReadLogsRequest): LogQuery {
  check(level === '' || isLogLevel(level), 'level', level, `one of ${logLevels.join(', ')}`);
  return {
    follow,
    ...(plugin === '' ? {} : { plugin }),
    ...(level === '' ? {} : { level }),
    ...(since === 0 ? {} : { sinceMs: since }),
    ...(grep === '' ? {} : { grep }),
    ...(tail === 0 ? {} : { tail }),
  };
}

function isLogLevel(text: string): text is LogLevel {
  return logLevels.some((level) => level === text);
}
