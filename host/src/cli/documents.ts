import type {
  Change,
  GetDaemonResponse,
  OperationRow,
  PluginRow,
  VersionOnDisk,
} from '@plugd/protocol/gen/plugd/admin/v1/admin';

// What scripts read: the admin API's messages, with null for what there is none of.

export function pluginDocument(row: PluginRow) {
  const { runningVersion, diskVersion, pinnedVersion, since, operation, problem, note, ...rest } = row;
  return {
    ...rest,
    runningVersion: orNull(runningVersion),
    diskVersion: orNull(diskVersion),
    pinnedVersion: orNull(pinnedVersion),
    since: orNull(since),
    operation: orNull(operation),
    problem: orNull(problem),
    note: orNull(note),
  };
}

export function daemonDocument(daemon: GetDaemonResponse) {
  const { pluginsDir, configFile, frontDoor, metrics, logDir, configProblem, ...rest } = daemon;
  return {
    ...rest,
    pluginsDir: orNull(pluginsDir),
    configFile: orNull(configFile),
    frontDoor: orNull(frontDoor),
    metrics: orNull(metrics),
    logDir: orNull(logDir),
    configProblem: orNull(configProblem),
  };
}

export function versionDocument({ version, state, digest, directory, problem }: VersionOnDisk) {
  return { version, state, digest: orNull(digest), directory: orNull(directory), problem: orNull(problem) };
}

export function operationDocument(row: OperationRow) {
  const { fromVersion, toVersion, endedAt, code, message, ...rest } = row;
  return {
    ...rest,
    fromVersion: orNull(fromVersion),
    toVersion: orNull(toVersion),
    endedAt: orNull(endedAt),
    code: orNull(code),
    message: orNull(message),
  };
}

export function changeDocument({ plugin, action, from, to, reason }: Change) {
  return { plugin: orNull(plugin), action, from: orNull(from), to: orNull(to), reason };
}

function orNull<Value extends string | number>(value: Value): Value | null {
  return value === '' || value === 0 ? null : value;
}
