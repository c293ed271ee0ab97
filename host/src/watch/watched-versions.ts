import type { PluginError } from '@plugd/protocol/plugin-error';

/** A version of a plugin in the directory of plugins, or what runs of it. */
export interface WatchedVersion {
  readonly version: string;
  /**
   * - `running`: from just this content, or from what was here before
   * - `available`: it could be run
   * - `waiting`: it would run, but for what it requires or is required of it
   * - `unsettled`: it is being written
   * - `unfit`: it can't be run as it lies there
   * - `failed`: it was tried, and is not tried again until it changes
   */
  readonly state: 'running' | 'available' | 'waiting' | 'unsettled' | 'unfit' | 'failed';
  /** Of its content; undefined where that could not be read. */
  readonly digest: string | undefined;
  /** Where it lies, or was copied from. */
  readonly directory: string;
  /** False of one that runs, and does not lie there, or not any more. */
  readonly onDisk: boolean;
  /** Why it doesn't run; of one that runs: why it is not run by its new settings. */
  readonly problem: PluginError | undefined;
}

/** What a host knows of a plugin in its directory of plugins. */
export interface WatchedPluginStatus {
  readonly name: string;
  /** The version that runs; undefined: none. */
  readonly running: string | undefined;
  /** The version that it is held at; undefined: it is not pinned. */
  readonly pinned: string | undefined;
  /** False: its settings disable it. */
  readonly enabled: boolean;
  /** What somebody has done with it by hand, so that it is left as it is, in a sentence; undefined: it isn't. */
  readonly left: string | undefined;
  /** The highest first. */
  readonly versions: readonly WatchedVersion[];
}

/** The highest version that lies there whole; undefined: none. */
export function highestWhole(versions: readonly WatchedVersion[]): WatchedVersion | undefined {
  return versions.find(isWhole);
}

/** Whether it lies there as it can be run, as far as is known without trying. */
export function isWhole({ state, onDisk }: WatchedVersion): boolean {
  return onDisk && state !== 'unsettled' && state !== 'unfit';
}
