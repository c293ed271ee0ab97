import { lstatSync, realpathSync, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, isAbsolute, join } from 'node:path';
import type { InstanceRecord } from './instance-record';

/** Clocks of file systems are coarse. */
const CLOCK_SLACK_MS = 2_000;

/**
 * Unlinks the socket that a stopped plugin left, but only a file that can be its own: a plugin may announce whatever
 * path it likes. It has to be a socket of this user, directly in the instance's directory, or, for plugins that know
 * no PLUGIN_UNIX_SOCKET_DIR, named `plugin…`, directly in the temp dir and younger than the process.
 *
 * Returns whether it was removed.
 */
export function removeSocket(
  record: Pick<InstanceRecord, 'network' | 'address' | 'directory' | 'startedAt'>,
): boolean {
  if (record.network !== 'unix' || !isAbsolute(record.address)) return false;
  try {
    const parent = realpathSync(dirname(record.address));
    const path = join(parent, basename(record.address));
    const about = lstatSync(path);
    if (!about.isSocket() || about.uid !== process.getuid?.()) return false;
    const inDirectory = parent === realOr(record.directory);
    const inTemp =
      basename(path).startsWith('plugin') &&
      (parent === realOr(tmpdir()) || parent === realOr('/tmp')) &&
      about.birthtimeMs >= record.startedAt - CLOCK_SLACK_MS;
    if (!inDirectory && !inTemp) return false;
    unlinkSync(path);
    return true;
  } catch {
    return false;
  }
}

function realOr(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
