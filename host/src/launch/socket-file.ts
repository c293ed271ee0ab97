import { lstatSync, realpathSync, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, isAbsolute, join } from 'node:path';
import type { InstanceRecord } from './instance-record';

/** Clocks of file systems are coarse. */
const CLOCK_SLACK_MS = 2_000;

export type SocketOwner = Pick<
  InstanceRecord,
  'network' | 'address' | 'directory' | 'temporaryDirectory' | 'startedAt'
>;

/**
 * The path of a plugin's socket, if that is a file which can be the plugin's own: a plugin may announce whatever path
 * it likes. It has to be a socket of this user, directly in the instance's directory, or, for plugins that know no
 * PLUGIN_UNIX_SOCKET_DIR, named `plugin…`, directly in the temp dir and younger than the process.
 */
export function ownSocket(record: SocketOwner): { path: string; strayed: boolean } | undefined {
  if (record.network !== 'unix' || !isAbsolute(record.address)) return undefined;
  try {
    const parent = realpathSync(dirname(record.address));
    const name = basename(record.address);
    const path = join(parent, name);
    const about = lstatSync(path);
    if (!about.isSocket() || about.uid !== process.getuid?.()) return undefined;
    if (parent === realOr(record.directory)) return { path, strayed: false };
    const places = [tmpdir(), '/tmp', record.temporaryDirectory ?? '/tmp'];
    const inTemp = places.some((place) => parent === realOr(place));
    const young = about.birthtimeMs >= record.startedAt - CLOCK_SLACK_MS;
    return inTemp && young && /^plugin[\w.-]*$/.test(name) ? { path, strayed: true } : undefined;
  } catch {
    return undefined;
  }
}

/** Unlinks the socket that a stopped plugin left, if it is its own. */
export function removeSocket(record: SocketOwner): void {
  const own = ownSocket(record);
  if (own === undefined) return;
  try {
    unlinkSync(own.path);
  } catch {
    // The plugin itself was faster.
  }
}

function realOr(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
