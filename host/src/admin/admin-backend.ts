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
import type { JsonObject } from '@plugd/protocol/json-value';
import type { RollbackOptions, RollbackPlan } from '../upgrade/upgrade-options';
import type { Redaction } from './answers';
import type { CallerNote } from './caller-note';
import type { EventBuffer } from './event-buffer';
import type { KeptOperation, OperationsBook } from './operations-book';

/** What was asked to be changed, by whom, and what came of it. */
export interface AuditRecord {
  /** As the client says of itself, undefined where it says nothing; or what else has brought the change about. */
  readonly client: CallerNote | 'directory' | 'config' | 'signal' | undefined;
  readonly verb: string;
  /** Undefined: it is of none. */
  readonly plugin: string | undefined;
  readonly parameters: JsonObject;
  /** `done`, `begun`, or of an operation that has ended `swapped` or `verified`; else the code of what refused or ended it. */
  readonly outcome: string;
  /** Of an operation. */
  readonly operation?: string;
}

/** What the admin API asks of the daemon behind it. All of it throws PluginError, PLUGIN_NOT_FOUND where there is none. */
export interface AdminBackend {
  readonly events: EventBuffer;
  readonly operations: OperationsBook;
  readonly redaction: Redaction;
  about(): GetDaemonResponse;
  list(): Promise<PluginRow[]>;
  /** @param brief only row, snapshot and the number of the event up to which they reach */
  describe(plugin: string, brief: boolean): Promise<DescribePluginResponse>;
  /** A FileDescriptorSet. */
  contract(plugin: string): Promise<Uint8Array>;
  /** Undefined: it runs no more. */
  traffic(operation: KeptOperation): OperationTraffic | undefined;
  logs(query: ReadLogsRequest, signal: AbortSignal): AsyncIterable<ReadLogsResponse>;
  load(request: LoadPluginRequest): Promise<LoadPluginResponse>;
  stop(plugin: string): Promise<void>;
  start(plugin: string): Promise<void>;
  begin(request: BeginOperationRequest): Promise<KeptOperation>;
  planRollback(plugin: string, options: RollbackOptions): Promise<RollbackPlan>;
  pin(plugin: string, version: string): Promise<void>;
  unpin(plugin: string): Promise<void>;
  /** What {@link reconcile} would do. */
  diff(): Promise<Change[]>;
  reconcile(): Promise<Change[]>;
  /** Returns at once. */
  shutdown(): void;
  /** Never throws. */
  audit(record: AuditRecord): void;
}
