import { join } from 'node:path';
import { PluginError } from '@plugd/protocol/plugin-error';
import type { Situation, VersionFound } from './watch/choices';
import type { Failures } from './watch/failures';
import type { WaitingVersion } from './watch/plan';
import { overridesStamp, type PluginOverrides } from './watch/plugin-overrides';
import type { Look, ShelfOfVersions } from './watch/shelf-of-versions';
import type { WatchedPluginStatus, WatchedVersion } from './watch/watched-versions';
import type { WatchedLanes } from './watched-lanes';

export interface StatusSources {
  readonly root: string;
  readonly shelf: ShelfOfVersions;
  readonly lanes: WatchedLanes;
  readonly failures: Failures;
  readonly situation: Situation;
  readonly waiting: readonly WaitingVersion[];
  /** With those that are left as they are. */
  readonly onDisk: Look['onDisk'];
  readonly settings: (name: string) => PluginOverrides | undefined;
}

/** Of each plugin of the directory what lies there, what runs of it, and why the rest doesn't. By name. */
export function statusOnDisk(sources: StatusSources): readonly WatchedPluginStatus[] {
  const { lanes, onDisk, situation, settings } = sources;
  const { left } = lanes;
  const names = [...new Set([...onDisk.keys(), ...lanes.names])].sort();
  return names.map((name) => ({
    name,
    running: lanes.runningCopy(name)?.manifest.version,
    pinned: situation.pins.get(name),
    enabled: settings(name)?.enabled !== false,
    left: left.get(name) ?? (isForeign(name, sources) ? 'it was loaded by its options' : undefined),
    versions: versionsOf(name, sources),
  }));
}

/** One of the directory that is being loaded isn't told by its lane yet. */
function isForeign(name: string, { lanes, situation }: StatusSources): boolean {
  return lanes.isForeign(name) && !situation.busy.has(name);
}

function versionsOf(name: string, sources: StatusSources): readonly WatchedVersion[] {
  const versions = (sources.onDisk.get(name) ?? []).map((found) => versionOf(name, found, sources));
  const copy = sources.lanes.runningCopy(name);
  if (copy === undefined || versions.some(({ state }) => state === 'running')) return versions;
  const { manifest, digest, source: directory } = copy;
  const { version } = manifest;
  // It has gone from disk, lies elsewhere, or there is something else in its place, of which the other row tells.
  return [{ version, state: 'running', digest, directory, onDisk: false, problem: undefined }, ...versions];
}

function versionOf(name: string, found: VersionFound, sources: StatusSources): WatchedVersion {
  const { root, shelf, lanes, failures, waiting, settings } = sources;
  const { version, digest } = found;
  const row = (state: WatchedVersion['state'], problem?: PluginError): WatchedVersion => ({
    ...{ version, state, digest, directory: join(root, name, version), onDisk: true, problem },
  });
  if (found.state === 'unsettled') return row('unsettled');
  if (found.state === 'unfit') return row('unfit', shelf.problemOf(name, version));
  const attempt = { name, version, digest: digest ?? '', settings: overridesStamp(settings(name)) };
  const failure = asError(failures.of(attempt));
  const copy = lanes.runningCopy(name);
  if (copy?.manifest.version === version && copy.digest === digest) return row('running', failure);
  if (failure !== undefined) return row('failed', failure);
  const held = waiting.find((one) => one.name === name && one.version === version);
  return held === undefined ? row('available') : row('waiting', held.error);
}

function asError(error: unknown): PluginError | undefined {
  if (error === undefined || error instanceof PluginError) return error;
  return new PluginError('SPAWN_FAILED', String(error), { cause: error });
}
