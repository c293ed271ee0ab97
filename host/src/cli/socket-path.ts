import { join, resolve } from 'node:path';
import type { CommonOptions } from './common-options';

/** Where the daemon listens, by what was typed, the environment, and the user's own place. */
export function socketPath(
  { socket }: Pick<CommonOptions, 'socket' | 'config'>,
  env: Readonly<Record<string, string | undefined>>,
  cwd: string,
): string {
  const named = socket ?? (env['PLUGD_SOCKET'] || undefined);
  if (named !== undefined) return resolve(cwd, named);
  return join(env['XDG_RUNTIME_DIR'] ?? '/tmp', 'plugd.sock');
}
