import { status } from '@grpc/grpc-js';
import type { WatchEventsResponse } from '@plugd/protocol/gen/plugd/admin/v1/admin';
import type { PluginError } from '@plugd/protocol/plugin-error';
import { RpcError } from '@plugd/protocol/rpc/rpc-error';
import { errorFromDocument } from '../admin/error-wire';
import type { HostEvent } from '../events/host-event';
import type { InstanceStatus, PluginStatus } from '../plugin-status';
import type { OperationProgress } from '../upgrade/operation-handle';
import type { UpgradeReport } from '../upgrade/report';
import type { RollbackPlan } from '../upgrade/upgrade-options';

/**
 * What a message says in JSON's form. It is plain data of the library as the daemon's release has it, and trusted as that: a daemon
 * is of the same user. What is undefined was left out.
 */
type Document = NonNullable<WatchEventsResponse['event']>;

/** Undefined for what is none. */
export function eventOf(document: Document | undefined): HostEvent | undefined {
  return document !== undefined && isEvent(document) ? document : undefined;
}

function isEvent(document: object): document is HostEvent {
  return ['sequence', 'time', 'plugin', 'type'].every((key) => key in document);
}

/** Of a PluginSnapshot. */
export function statusOf({
  name,
  state,
  version,
  generation,
  protocolVersion,
  instances,
}: Document): PluginStatus {
  const processes: readonly Document[] = instances ?? [];
  return { name, state, version, generation, protocolVersion, instances: processes.map(instanceOf) };
}

function instanceOf(document: Document): InstanceStatus {
  const { id, version, generation, pid, state, address, inFlight, startedAt } = document;
  return { id, version, generation, pid, state, address, inFlight, startedAt };
}

export function progressOf({ step, phase, elapsedMs, percent, shift }: Document): OperationProgress {
  return { step, phase, elapsedMs, percent, ...(shift === undefined ? {} : { shift }) };
}

export function reportOf(document: Document): UpgradeReport {
  const {
    plugin,
    operation,
    strategy,
    outcome,
    from,
    to,
    steps,
    totalMs,
    pauseMs,
    stateBytes,
    contract,
    calls,
    hostMemoryBytes,
    verdict,
    shift,
  } = document;
  const told: readonly Document[] = document['warnings'] ?? [];
  // One that only a newer release knows can't be told by this one.
  const warnings = told.flatMap(
    ({ message, ...rest }) => errorFromDocument({ summary: message, ...rest }) ?? [],
  );
  const sizes = { totalMs, pauseMs, stateBytes, hostMemoryBytes };
  return {
    plugin,
    operation,
    strategy,
    outcome,
    from,
    to,
    steps,
    ...sizes,
    contract,
    calls,
    verdict,
    shift,
    warnings,
  };
}

export function planOf({ version, from, strategy, state, lost }: Document): RollbackPlan {
  return { version, from, strategy, state, lost };
}

/** What ended an operation. */
export function errorOf(document: Document): PluginError | RpcError {
  return errorFromDocument(document) ?? new RpcError(status.UNKNOWN, String(document['summary']));
}
