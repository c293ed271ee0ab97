import { stat } from 'node:fs/promises';
import { PluginError } from '@plugd/protocol/plugin-error';

/** A daemon says at once what a host finds out when everything else has been opened. Throws PluginError ARTIFACT_UNREADABLE. */
export async function checkPluginsDir(path: string | undefined): Promise<void> {
  if (path === undefined) return;
  const about = await stat(path).catch((cause: unknown) => {
    throw missing(path, cause);
  });
  if (!about.isDirectory()) throw missing(path, new Error('it is no directory'));
}

function missing(path: string, cause: unknown): PluginError {
  return new PluginError('ARTIFACT_UNREADABLE', `There is no directory of plugins at ${path}.`, {
    facts: { path },
    hint: 'Make it and put plugins there, or say in the config where they are (pluginsDir).',
    cause,
  });
}
