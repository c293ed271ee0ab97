import type {
  MethodRow,
  OperationRow,
  OperationTraffic,
  PluginRow,
  ServiceRow,
} from '@plugd/protocol/gen/plugd/admin/v1/admin';
import { PluginError } from '@plugd/protocol/plugin-error';
import type { MethodContract, ServiceContract } from '../contract/method-contract';
import type { PluginSnapshot } from '../plugin-snapshot';
import type { InstanceStatus } from '../plugin-status';
import type { KeptOperation } from './operations-book';

/** A row that says nothing yet. */
export function emptyRow(name: string): PluginRow {
  return {
    name,
    state: 'absent',
    runningVersion: '',
    diskVersion: '',
    pinnedVersion: '',
    generation: 0,
    instances: 0,
    inFlight: 0,
    restarts: 0,
    since: 0,
    source: 'directory',
    operation: '',
    problem: '',
    note: '',
  };
}

/** What a plugin that runs tells of itself. */
export function runningPart({
  state,
  version,
  generation,
  instances,
  statistics,
}: PluginSnapshot): Partial<PluginRow> {
  const serving = instances.filter((one) => one.state === 'serving');
  return {
    state,
    runningVersion: instances.length === 0 ? '' : version,
    generation,
    instances: serving.length,
    inFlight: sum(instances),
    restarts: sumOf(Object.values(statistics.restarts.lost)),
    since: serving.length === 0 ? 0 : Math.min(...serving.map(({ startedAt }) => startedAt)),
  };
}

export function operationRow({
  id,
  plugin,
  operation,
  fromVersion,
  toVersion,
  startedAt,
  outcome,
}: KeptOperation): OperationRow {
  const row = { id, plugin, operation, fromVersion, toVersion, startedAt };
  if (outcome.kind === 'running') return { ...row, endedAt: 0, outcome: 'running', code: '', message: '' };
  const { endedAt } = outcome;
  if (outcome.kind === 'done') {
    const { report } = outcome;
    const versions = { fromVersion: report.from.version, toVersion: report.to.version };
    return { ...row, ...versions, endedAt, outcome: report.outcome, code: '', message: '' };
  }
  const { error } = outcome;
  const known = error instanceof PluginError;
  const code = known ? error.code : '';
  return { ...row, endedAt, outcome: 'failed', code, message: known ? error.summary : String(error) };
}

/** How the calls of a plugin are shared between two versions; or between two processes of one. */
export function trafficOf(
  { instances, statistics }: PluginSnapshot,
  { fromVersion, toVersion, oldGeneration }: KeptOperation,
): OperationTraffic {
  const isNew = ({ generation }: InstanceStatus) => generation > oldGeneration;
  return {
    oldVersion: fromVersion,
    newVersion: toVersion,
    oldInFlight: sum(instances.filter((one) => !isNew(one))),
    newInFlight: sum(instances.filter(isNew)),
    held: statistics.held.held,
  };
}

export function serviceRow({ name, methods }: ServiceContract, isPublic: boolean): ServiceRow {
  return { name, public: isPublic, methods: methods.map(methodRow) };
}

function methodRow({ name, requestStream, responseStream, idempotency }: MethodContract): MethodRow {
  const one = requestStream ? 'client stream' : 'unary';
  const many = requestStream ? 'bidirectional' : 'server stream';
  const level = { unknown: '', 'no-side-effects': 'NO_SIDE_EFFECTS', idempotent: 'IDEMPOTENT' }[idempotency];
  return { name, kind: responseStream ? many : one, idempotency: level };
}

function sum(instances: readonly InstanceStatus[]): number {
  return sumOf(instances.map(({ inFlight }) => inFlight));
}

function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((all, one) => all + one, 0);
}
