import type { BigIntStats, Dirent } from 'node:fs';
import { lstat, readdir, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { artifactLimits, unreadable } from '../artifact/artifact-tree';
import { isSystemError } from '../artifact/system-error';

/** What a directory of plugins looks like, without a file of it being opened. */
export interface Listing {
  /** Of each `<name>/<version>`: another one when anything in it has another name, size, time or right. */
  readonly signatures: ReadonlyMap<string, string>;
  /** Plugins whose versions nobody knows now, with what the system said: they may be there in a moment. */
  readonly unreadable: ReadonlyMap<string, unknown>;
  readonly directories: Directories;
}

/**
 * All directories, to be watched: by path which one it is. Undefined: nobody knows. In the order of their depth: where not all can be
 * watched, one plugin with many must not take the place of the others.
 */
export type Directories = ReadonlyMap<string, string | undefined>;

export type ReadDirectory = (path: string) => Promise<Dirent[]>;

export const readDirectory: ReadDirectory = (path) => readdir(path, { withFileTypes: true });

/** Throws PluginError ARTIFACT_UNREADABLE where the directory itself can't be listed. What goes meanwhile is left out. */
export async function listVersions(root: string, read = readDirectory): Promise<Listing> {
  const signatures = new Map<string, string>();
  const failures = new Map<string, unknown>();
  const directories = new Map<string, string | undefined>();
  let plugins: Dirent[];
  try {
    // By whatever links it is reached.
    directories.set(root, identityOf(await stat(root, { bigint: true })));
    plugins = await read(root);
  } catch (cause) {
    throw unreadable(root, 'it could not be read as a directory of plugins', cause);
  }
  for (const { name } of plugins.filter(isCandidate)) {
    const directory = join(root, name);
    directories.set(directory, await identityAt(directory));
    const versions = await read(directory).catch((error: unknown) => {
      if (!isSystemError(error, 'ENOENT', 'ENOTDIR')) failures.set(name, error);
      return [];
    });
    for (const { name: version } of versions.filter(isCandidate)) {
      const lines: string[] = [];
      await walk(join(directory, version), '', lines, directories, read);
      signatures.set(`${name}/${version}`, lines.join('\n'));
    }
  }
  const byDepth = [...directories].sort(([a], [b]) => depthOf(a) - depthOf(b));
  return { signatures, unreadable: failures, directories: new Map(byDepth) };
}

const depthOf = (path: string): number => path.split(sep).length;

function isCandidate(entry: Dirent): boolean {
  return entry.isDirectory() && !entry.name.startsWith('.');
}

async function walk(
  at: string,
  prefix: string,
  lines: string[],
  directories: Map<string, string | undefined>,
  read: ReadDirectory,
): Promise<void> {
  directories.set(at, await identityAt(at));
  // One that is gone, or can't be read, has none: to read it as an artifact says why.
  const entries = (await read(at).catch(() => [])).sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of entries) {
    // What has more is refused as an artifact anyway.
    if (lines.length > artifactLimits.entries) return;
    const [path, full] = [`${prefix}${entry.name}`, join(at, entry.name)];
    const about: BigIntStats | undefined = await lstat(full, { bigint: true }).catch(() => undefined);
    if (about === undefined) continue;
    const { ino, mode, size, mtimeNs, ctimeNs } = about;
    // A directory has another time when it is read by some file systems; what is in it counts.
    lines.push(`${path} ${ino} ${mode}${entry.isDirectory() ? '' : ` ${size} ${mtimeNs} ${ctimeNs}`}`);
    if (entry.isDirectory()) await walk(full, `${path}/`, lines, directories, read);
  }
}

async function identityAt(directory: string): Promise<string | undefined> {
  return lstat(directory, { bigint: true }).then(identityOf, () => undefined);
}

const identityOf = ({ dev, ino }: BigIntStats): string => `${dev}:${ino}`;
