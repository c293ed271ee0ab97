import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { isAbsolute, resolve } from 'node:path';
import { PluginError } from '@plugd/protocol/plugin-error';
import { isSystemError, reasonOf, systemFacts } from '../artifact/system-error';
import { sourceLimits } from '../manifest/yaml-limits';
import { configName, type DaemonConfig } from './config';
import { parseConfig } from './parse-config';

/** To open a pipe would be to wait for whoever writes to it. Windows knows no such flag. */
const flags = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/**
 * Reads a config. A link is followed: that is how some put a new one in place.
 *
 * Throws PluginError CONFIG_FILE_UNREADABLE, CONFIG_INVALID.
 */
export async function readConfig(file: string): Promise<DaemonConfig> {
  let content: Uint8Array;
  try {
    await using handle = await open(file, flags);
    const about = await handle.stat();
    if (!about.isFile()) throw new Error('it is no file');
    // One byte more than is allowed is enough to be refused for its length.
    const buffer = Buffer.alloc(Math.min(sourceLimits.bytes + 1, about.size + 1));
    let length = 0;
    while (length < buffer.length) {
      const { bytesRead } = await handle.read(buffer, length, buffer.length - length, length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    content = buffer.subarray(0, length);
  } catch (cause) {
    const missing = isSystemError(cause, 'ENOENT', 'ENOTDIR');
    throw new PluginError(
      'CONFIG_FILE_UNREADABLE',
      missing ? `There is no config ${file}.` : `The config ${file} could not be read: ${reasonOf(cause)}.`,
      { facts: { path: file, ...systemFacts(cause) }, cause },
    );
  }
  return parseConfig(content, file);
}

export interface ConfigSearch {
  /** What `--config` says. */
  readonly given?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The working directory, absolute. */
  readonly cwd: string;
}

/**
 * Which config counts, as an absolute path: the one that is given, that of PLUGD_CONFIG, or `plugd.yaml` in the working directory
 * if it is there. Undefined: there is none. Whether one that was named is there shows when it is read.
 */
export async function findConfig({ given, env, cwd }: ConfigSearch): Promise<string | undefined> {
  const named = given ?? (env['PLUGD_CONFIG'] === '' ? undefined : env['PLUGD_CONFIG']);
  if (named !== undefined) return isAbsolute(named) ? named : resolve(cwd, named);
  const own = resolve(cwd, configName);
  try {
    await (await open(own, flags)).close();
  } catch (error) {
    // One that is there and can't be read was meant, and is told of when it is read.
    if (isSystemError(error, 'ENOENT', 'ENOTDIR')) return undefined;
  }
  return own;
}
