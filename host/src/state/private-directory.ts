import { lstat, mkdir, open } from 'node:fs/promises';
import { types } from 'node:util';
import { PluginError } from '@plugd/protocol/plugin-error';

/**
 * Makes the directory, 0700, if it is missing. One that is there has to be this user's alone: what the host keeps in it
 * decides what runs, and may be secret. Throws PluginError STATE_DIR_UNUSABLE.
 */
export async function openPrivateDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700, recursive: true });
  } catch (cause) {
    throw unusable(path, 'it is no directory and none can be made there', undefined, cause);
  }
  const about = await lstat(path);
  if (about.isSymbolicLink()) throw unusable(path, 'it is a symbolic link');
  const user = process.getuid?.();
  // Windows has neither such owners nor such modes.
  if (user === undefined) return;
  if (about.uid !== user) throw unusable(path, `it belongs to user ${about.uid}`);
  if ((about.mode & 0o077) !== 0)
    throw unusable(path, 'others can come into it', 'chmod 700 keeps them out.');
}

/** After that a file that was made, renamed or removed in it stays so, even when the machine loses its power. */
export async function syncDirectory(path: string): Promise<void> {
  // Windows opens no directories as files, and writes such changes by itself.
  if (process.platform === 'win32') return;
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** What the file system says while a directory is being taken into use, as a PluginError. */
export async function takingIntoUse<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof PluginError) throw error;
    if (isFull(error)) throw unusable(path, 'there is no room left', 'Free space there.', error);
    throw unusable(path, 'the file system refuses', undefined, error);
  }
}

/** Databases tell what the system said in words, some causes deep. */
function isFull(error: unknown): boolean {
  for (let cause = error; types.isNativeError(cause); cause = cause.cause)
    if (/ENOSPC|EDQUOT|No space left|quota exceeded/i.test(cause.message)) return true;
  return false;
}

function unusable(path: string, why: string, hint?: string, cause?: unknown): PluginError {
  return new PluginError('STATE_DIR_UNUSABLE', `Nothing can be kept in ${path}: ${why}.`, {
    facts: { path },
    ...(hint === undefined ? {} : { hint }),
    ...(cause === undefined ? {} : { cause }),
  });
}
