import { createHash } from 'node:crypto';
import type { Dirent } from 'node:fs';
import { lstat, readdir, realpath, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { PluginError } from '@plugd/protocol/plugin-error';
import { hashFile } from './checksum';
import { NoPlainFile } from './plain-file';
import { isSystemError } from './system-error';

/** A program and what belongs to it, modules of an interpreter among it; what is more is no plugin. */
export const artifactLimits = { bytes: 4 * 1024 ** 3, entries: 50_000, depth: 64 };

export type ArtifactLimits = typeof artifactLimits;

/** A file of an artifact. */
export interface ArtifactFile {
  /** From the artifact's directory on, with `/`. */
  readonly path: string;
  readonly executable: boolean;
  /** Where its content is: another place for a link that leads to a file of the same artifact. */
  readonly source: string;
}

/** What an artifact consists of, in the order of the names. */
export interface ArtifactTree {
  readonly files: readonly ArtifactFile[];
  /** Parents before what is in them. */
  readonly directories: readonly string[];
}

/**
 * Lists a directory, without opening a file. A link to a file of the same directory counts as that file; one that leads
 * out of it, or to a directory, is refused.
 *
 * Throws PluginError ARTIFACT_UNREADABLE, ARTIFACT_CHANGED (something went while it was listed).
 */
export async function listArtifact(directory: string, limits = artifactLimits): Promise<ArtifactTree> {
  const root = await realpath(directory).catch((cause: unknown) => {
    throw unreadable(directory, 'it could not be read', cause);
  });
  const files: ArtifactFile[] = [];
  const directories: string[] = [];
  let bytes = 0;
  const addFile = (path: string, source: string, { size, mode }: { size: number; mode: number }): void => {
    bytes += size;
    if (bytes > limits.bytes) throw unreadable(directory, `it holds more than ${limits.bytes} bytes`);
    files.push({ path, source, executable: (mode & 0o111) !== 0 });
  };
  const walk = async (at: string, prefix: string, depth: number): Promise<void> => {
    if (depth > limits.depth) throw unreadable(at, `it is more than ${limits.depth} levels deep`);
    for (const entry of (await entriesOf(at, depth === 1)).sort(byName)) {
      const [path, full] = [prefix + entry.name, join(at, entry.name)];
      // As whoever asked knows it, who may have come by a link.
      const shown = join(directory, path);
      if (files.length + directories.length >= limits.entries)
        throw unreadable(directory, `it holds more than ${limits.entries} entries`);
      if (entry.isDirectory()) {
        directories.push(path);
        await walk(full, `${path}/`, depth + 1);
      } else if (entry.isFile()) {
        addFile(path, full, await lstat(full).catch((cause: unknown) => failed(shown, cause)));
      } else if (entry.isSymbolicLink()) {
        const source = await realpath(full).catch((cause: unknown) => {
          throw unreadable(shown, 'it is a link that leads nowhere', cause);
        });
        if (isOutside(root, source)) throw unreadable(shown, 'it is a link that leads out of the directory');
        const about = await stat(source).catch((cause: unknown) => failed(shown, cause));
        if (!about.isFile()) throw unreadable(shown, 'it is a link to something else than a file');
        addFile(path, source, about);
      } else {
        // To read a pipe is to wait for whoever writes to it.
        throw unreadable(shown, 'it is neither a file nor a directory');
      }
    }
  };
  await walk(root, '', 1);
  return { files, directories };
}

/** SHA-256 of each of these files, by path. Throws PluginError ARTIFACT_UNREADABLE, ARTIFACT_CHANGED, and the signal's reason. */
export async function hashFiles(
  files: readonly ArtifactFile[],
  signal?: AbortSignal,
): Promise<Map<string, string>> {
  const sums = new Map<string, string>();
  for (const { path, source } of files) {
    const sum = await hashFile(source, signal).catch((cause: unknown) => {
      signal?.throwIfAborted();
      return failed(source, cause);
    });
    sums.set(path, sum);
  }
  return sums;
}

/** One number, in hexadecimal, for the names, contents and rights of all files of an artifact. */
export function digestOf({ files }: ArtifactTree, sums: ReadonlyMap<string, string>): string {
  const hash = createHash('sha256');
  for (const { path, executable } of files)
    hash.update(`${JSON.stringify([path, executable, sums.get(path)])}\n`);
  return hash.digest('hex');
}

/**
 * The digest of what a directory holds now: it changes when a file's content, name or right to be executed does, and not
 * when it is touched, moved as a whole or copied.
 *
 * Throws PluginError ARTIFACT_UNREADABLE, ARTIFACT_CHANGED, and the signal's reason.
 */
export async function digestArtifact(directory: string, signal?: AbortSignal): Promise<string> {
  signal?.throwIfAborted();
  const tree = await listArtifact(directory);
  return digestOf(tree, await hashFiles(tree.files, signal));
}

async function entriesOf(directory: string, isRoot: boolean): Promise<Dirent[]> {
  try {
    return await readdir(directory, { withFileTypes: true });
  } catch (cause) {
    if (isRoot) throw unreadable(directory, 'it could not be read', cause);
    return failed(directory, cause);
  }
}

/** By the units of the names, which are the same on each machine. */
function byName(a: Dirent, b: Dirent): number {
  return a.name < b.name ? -1 : 1;
}

function isOutside(root: string, path: string): boolean {
  const way = relative(root, path);
  return way === '' || way === '..' || way.startsWith(`..${sep}`);
}

/** What was listed a moment ago and is not there any more was taken away. */
export function failed(path: string, cause: unknown): never {
  if (isSystemError(cause, 'ENOENT', 'ENOTDIR'))
    throw changed(path, 'it was taken away while it was read', { cause });
  if (cause instanceof NoPlainFile) throw changed(path, 'it is no file any more', { cause });
  throw unreadable(path, 'it could not be read', cause);
}

/** The directory of an artifact, or what is in it, can't be what a plugin is run from. */
export function unreadable(path: string, why: string, cause?: unknown): PluginError {
  return new PluginError('ARTIFACT_UNREADABLE', `${path} can't be run: ${why}.`, {
    facts: { path },
    ...(cause === undefined ? {} : { cause }),
  });
}

/** An artifact is not what its manifest says, or not what it was a moment ago. */
export function changed(
  path: string,
  why: string,
  { cause, facts = {} }: { cause?: unknown; facts?: Readonly<Record<string, unknown>> } = {},
): PluginError {
  return new PluginError('ARTIFACT_CHANGED', `${path} is not used: ${why}.`, {
    facts: { path, ...facts },
    ...(cause === undefined ? {} : { cause }),
  });
}
