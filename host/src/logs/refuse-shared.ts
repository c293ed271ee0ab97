import { statSync } from 'node:fs';
import { PluginError } from '@plugd/protocol/plugin-error';

/**
 * Throws PluginError LOGS_UNUSABLE where others can write to the directory of a log: they could put other records in the place of
 * these. Throws the system's error where it can't be looked at.
 */
export function refuseShared(directory: string): void {
  // Windows has no such modes.
  if (process.platform === 'win32') return;
  const mode = statSync(directory).mode & 0o777;
  if ((mode & 0o022) === 0) return;
  throw new PluginError('LOGS_UNUSABLE', `No log is kept in ${directory}: others can write to it.`, {
    facts: { path: directory, mode: mode.toString(8) },
    hint: 'chmod 700 keeps them out; or name another directory.',
  });
}
