import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { chmod, copyFile, mkdir, open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { PluginError } from '@plugd/protocol/plugin-error';

/** A configuration, not a store of data: what is larger was meant to be something else. */
const limits = { bytes: 64 * 1024 * 1024, entries: 10_000, depth: 32 };

/** What a configuration consists of: where links lead to, not the links. */
interface Entry {
  /** From the directory on, with `/`. */
  readonly path: string;
  readonly kind: 'directory' | 'file';
  readonly executable: boolean;
}

/**
 * SHA-256, in hexadecimal, of all names and contents of a directory, and of what may be executed.
 *
 * Throws PluginError CONFIG_UNREADABLE.
 */
export async function digestOf(directory: string): Promise<string> {
  const hash = createHash('sha256');
  for (const entry of await entriesOf(directory)) {
    const content = entry.kind === 'file' ? await contentDigest(join(directory, entry.path)) : '';
    hash.update(`${JSON.stringify([entry.path, entry.kind, entry.executable, content])}\n`);
  }
  return hash.digest('hex');
}

/**
 * Copies a directory into an empty one, for reading alone: directories 0500, files 0400, or 0500 where they may be
 * executed.
 *
 * Throws PluginError CONFIG_UNREADABLE, RUN_DIR_FULL.
 */
export async function copyTree(source: string, target: string): Promise<void> {
  const entries = await entriesOf(source);
  for (const { path, kind, executable } of entries) {
    const [from, to] = [join(source, path), join(target, path)];
    try {
      if (kind === 'directory') {
        await mkdir(to, { mode: 0o700 });
      } else {
        // Bytes, or blocks that are shared until one of the two changes: never the same file.
        await copyFile(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
        await chmod(to, executable ? 0o500 : 0o400);
      }
    } catch (cause) {
      if (isCode(cause, 'ENOSPC', 'EDQUOT')) {
        const why = `There is no room left for a copy of ${source} in ${target}.`;
        throw new PluginError('RUN_DIR_FULL', why, { facts: { path: target }, cause });
      }
      throw unreadable(from, 'it could not be copied', cause);
    }
  }
  // From the leaves on: nothing can be put into a directory that is closed.
  for (const { path, kind } of entries.reverse())
    if (kind === 'directory') await chmod(join(target, path), 0o500);
  await chmod(target, 0o500);
}

/** Parents before what is in them, in the order of their names. */
async function entriesOf(root: string): Promise<Entry[]> {
  const entries: Entry[] = [];
  let bytes = 0;
  const walk = async (directory: string, prefix: string, depth: number): Promise<void> => {
    if (depth > limits.depth) throw unreadable(directory, `it is more than ${limits.depth} levels deep`);
    const names = await readdir(directory).catch((cause: unknown) => {
      throw unreadable(directory, 'it could not be read', cause);
    });
    for (const name of names.sort()) {
      // How Kubernetes keeps the versions of a mounted configuration: `key` leads to `..data/key`.
      if (name.startsWith('..')) continue;
      const [path, full] = [prefix + name, join(directory, name)];
      if (entries.length === limits.entries)
        throw unreadable(root, `it holds more than ${limits.entries} entries`);
      const about = await stat(full).catch((cause: unknown) => {
        throw unreadable(full, 'it could not be read', cause);
      });
      if (about.isDirectory()) {
        entries.push({ path, kind: 'directory', executable: true });
        await walk(full, `${path}/`, depth + 1);
      } else if (about.isFile()) {
        bytes += about.size;
        if (bytes > limits.bytes) throw unreadable(root, `it holds more than ${limits.bytes} bytes`);
        entries.push({ path, kind: 'file', executable: (about.mode & 0o100) !== 0 });
      } else {
        // To read a pipe is to wait for whoever writes to it.
        throw unreadable(full, 'it is neither a file nor a directory');
      }
    }
  };
  await walk(root, '', 1);
  return entries;
}

async function contentDigest(path: string): Promise<string> {
  const hash = createHash('sha256');
  try {
    await using file = await open(path, 'r');
    for await (const piece of file.createReadStream({ autoClose: false, end: limits.bytes }))
      hash.update(piece);
  } catch (cause) {
    throw unreadable(path, 'it could not be read', cause);
  }
  return hash.digest('hex');
}

/** The directory that the option names, or what is in it, can't be what the plugin gets. */
export function unreadable(path: string, why: string, cause?: unknown): PluginError {
  return new PluginError(
    'CONFIG_UNREADABLE',
    `${path} can't be given to the plugin as configuration: ${why}.`,
    {
      facts: { path },
      ...(cause === undefined ? {} : { cause }),
    },
  );
}

function isCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && 'code' in error && codes.some((code) => code === error.code);
}
