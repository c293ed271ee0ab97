import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { PluginError } from '@plugd/protocol/plugin-error';
import type { PlacesOptions } from '../config/places';
import type { CommonOptions } from './common-options';

/**
 * Where the daemon listens: what was typed, PLUGD_SOCKET, what the config says, or the user's own place.
 *
 * @throws PluginError CONFIG_FILE_UNREADABLE, RUN_DIR_UNSAFE
 */
export async function socketPath(
  { socket, config: given }: Pick<CommonOptions, 'socket' | 'config'>,
  env: PlacesOptions['env'],
  cwd: string,
): Promise<string> {
  const named = socket ?? (env['PLUGD_SOCKET'] || undefined);
  if (named !== undefined) return resolve(cwd, named);
  // Loaded here: who names the socket need not wait for what reads configs.
  const { findConfig, readConfig } =
    require('../config/read-config') as typeof import('../config/read-config');
  const { adminSocket } = require('../config/places') as typeof import('../config/places');
  const file = await findConfig({ given, env, cwd });
  if (file === undefined) return adminSocket({ env, cwd });
  try {
    return adminSocket({ env, cwd, config: await readConfig(file) });
  } catch (error) {
    if (!(error instanceof PluginError) || error.code !== 'CONFIG_INVALID') throw error;
    // A daemon whose config was spoilt since it was started runs on, and has to be found.
    return (await socketIn(file)) ?? adminSocket({ env, cwd });
  }
}

/** What an invalid config says of the socket all the same. */
async function socketIn(file: string): Promise<string | undefined> {
  const { parse } = require('yaml') as typeof import('yaml');
  try {
    const document: unknown = parse(await readFile(file, 'utf8'), { logLevel: 'silent', maxAliasCount: 10 });
    if (typeof document !== 'object' || document === null || !('socket' in document)) return undefined;
    return typeof document.socket === 'string' ? resolve(dirname(file), document.socket) : undefined;
  } catch {
    return undefined;
  }
}
