import { statSync } from 'node:fs';
import { PluginError } from '@plugd/protocol/plugin-error';

/**
 * Throws PluginError LOGS_UNUSABLE where everybody can write to the directory of a log: they could put other records in the place of
 * these. Its group may, since many a system makes directories so, with a group of the user alone. Throws the system's error where it can't be looked at.
 */
export function refuseShared(directory: string): void {
  // Windows has no such modes.
  if (process.platform === 'win32') return;
  const mode = statSync(directory).mode & 0o777;
  if ((mode & 0o002) === 0) return;
  throw new PluginError('LOGS_UNUSABLE', `No log is kept in ${directory}: everybody can write to it.`, {
    facts: { path: directory, mode: mode.toString(8) },
    hint: 'chmod 700 keeps others out; or name another directory.',
  });
}
