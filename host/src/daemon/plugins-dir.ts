import { stat } from 'node:fs/promises';
import { PluginError } from '@plugd/protocol/plugin-error';
import { isSystemError, reasonOf, systemFacts } from '../artifact/system-error';

/** A daemon says at once what a host finds out when everything else has been opened. Throws PluginError ARTIFACT_UNREADABLE. */
export async function checkPluginsDir(path: string | undefined): Promise<void> {
  if (path === undefined) return;
  try {
    if ((await stat(path)).isDirectory()) return;
  } catch (cause) {
    const missing = isSystemError(cause, 'ENOENT', 'ENOTDIR');
    throw unusable(
      path,
      missing
        ? `There is no directory of plugins at ${path}.`
        : `The directory of plugins at ${path} can't be looked at: ${reasonOf(cause)}.`,
      cause,
    );
  }
  throw unusable(path, `There is no directory of plugins at ${path}: something else is there.`);
}

function unusable(path: string, summary: string, cause?: unknown): PluginError {
  return new PluginError('ARTIFACT_UNREADABLE', summary, {
    facts: { path, ...systemFacts(cause) },
    hint: 'Make it and put plugins there, or say in the config where they are (pluginsDir).',
    ...(cause === undefined ? {} : { cause }),
  });
}
