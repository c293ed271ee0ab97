import { readdirSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { PluginError } from '@plugd/protocol/plugin-error';
import { valid } from 'semver';
import { commandOf } from '../manifest/load-options-of';
import { readManifest } from '../manifest/read-manifest';

/** Whether a path is meant, and not the name of a plugin. */
export function looksLikePath(target: string): boolean {
  return (
    target.includes('/') || (process.platform === 'win32' && target.includes('\\')) || target.startsWith('.')
  );
}

export function kindOf(path: string): 'file' | 'directory' | undefined {
  try {
    return statSync(path).isDirectory() ? 'directory' : 'file';
  } catch {
    // It is not there, or the way to it is barred: whoever looks closer says which.
    return undefined;
  }
}

/** As a word of its own: `kv` stands not in `kv-2`. */
export function mentions(sentence: string, name: string): boolean {
  return sentence.split(/[^\w.-]+/).some((word) => word.replace(/\.$/, '') === name);
}

export function holdsVersions(directory: string, names = namesIn(directory)): boolean {
  return names.some((name) => valid(name) !== null);
}

export function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

/** Whether the manifest beside a file says that it is to be run. */
export async function isCommandOf(directory: string, path: string): Promise<boolean> {
  try {
    return resolve(directory, commandOf(await readManifest(directory))) === path;
  } catch (error) {
    if (error instanceof PluginError) return false;
    throw error;
  }
}
