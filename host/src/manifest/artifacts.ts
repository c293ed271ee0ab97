import type { Dirent } from 'node:fs';
import { readdir, realpath } from 'node:fs/promises';
import { basename, join, relative, sep } from 'node:path';
import { PluginError } from '@plugd/protocol/plugin-error';
import { printable } from '@plugd/protocol/printable';
import { compareBuild, parse as parseVersion } from 'semver';
import { unreadable } from '../artifact/artifact-tree';
import { type Manifest, manifestName } from './manifest';
import { readManifest } from './read-manifest';

/** A version on disk that can be read; its files have not been looked at. */
export interface ReadableArtifact {
  readonly name: string;
  readonly version: string;
  readonly directory: string;
  readonly manifest: Manifest;
  readonly problem?: undefined;
}

/** A directory that is to be a version, and can't be one as it is. */
export interface UnreadableArtifact {
  readonly name: string;
  /** The directory's name: what its version was meant to be. */
  readonly version: string;
  readonly directory: string;
  readonly manifest?: undefined;
  readonly problem: PluginError;
}

export type ArtifactOnDisk = ReadableArtifact | UnreadableArtifact;

export interface PluginOnDisk {
  readonly name: string;
  /** The highest first; what has no semantic version comes last. */
  readonly versions: readonly ArtifactOnDisk[];
}

/** Something in the directory that is no part of it. */
export interface ArtifactNote {
  readonly path: string;
  readonly why: string;
}

export interface ArtifactsOnDisk {
  readonly directory: string;
  /** By name. */
  readonly plugins: readonly PluginOnDisk[];
  readonly notes: readonly ArtifactNote[];
}

/** How many manifests are read at a time. */
const atATime = 16;
const pluginName = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/**
 * Reads which versions of which plugins there are: `<directory>/<name>/<version>/plugin.yaml`. One that can't be read is
 * there with its problem, and keeps none of the others from being read. Names that begin with a dot are not looked at.
 *
 * Throws PluginError ARTIFACT_UNREADABLE where the directory itself can't be read.
 */
export async function readArtifacts(directory: string): Promise<ArtifactsOnDisk> {
  const notes: ArtifactNote[] = [];
  let root: string;
  let entries: Dirent[];
  try {
    root = await realpath(directory);
    entries = await readdir(root, { withFileTypes: true });
  } catch (cause) {
    throw unreadable(directory, 'it could not be read as a directory of plugins', cause);
  }
  const found: { name: string; versions: ArtifactOnDisk[] }[] = [];
  const waiting: (() => Promise<void>)[] = [];
  for (const { name } of await directoriesIn(root, directory, entries, root, notes)) {
    const path = join(directory, name);
    if (!pluginName.test(name)) {
      notes.push({ path, why: 'no plugin can have this name' });
      continue;
    }
    const plugin = { name, versions: [] as ArtifactOnDisk[] };
    const inner = await readdir(join(root, name), { withFileTypes: true }).catch((cause: unknown) => {
      notes.push({
        path,
        why: `it could not be read (${cause instanceof Error ? cause.message : String(cause)})`,
      });
      return [];
    });
    const versions = await directoriesIn(join(root, name), path, inner, root, notes, (version, problem) =>
      plugin.versions.push({ name, version, directory: join(path, version), problem }),
    );
    for (const { name: version } of versions) {
      waiting.push(async () => {
        const artifact = await readArtifact(join(path, version), name, version);
        if (artifact === undefined)
          notes.push({ path: join(path, version), why: 'it is no version: it has no manifest' });
        else plugin.versions.push(artifact);
      });
    }
    found.push(plugin);
  }
  await Promise.all(Array.from({ length: atATime }, () => work(waiting)));
  const plugins = found
    .filter(({ versions }) => versions.length > 0)
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, versions }) => ({ name, versions: versions.sort(highestFirst) }));
  return { directory, plugins, notes: notes.sort((a, b) => (a.path < b.path ? -1 : 1)) };
}

async function work(waiting: (() => Promise<void>)[]): Promise<void> {
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) await next();
}

/** The directories among these entries. Of a link that leads out of the plugins' directory `refuse` is told. */
async function directoriesIn(
  at: string,
  shown: string,
  entries: readonly Dirent[],
  root: string,
  notes: ArtifactNote[],
  refuse?: (name: string, problem: PluginError) => void,
): Promise<readonly Dirent[]> {
  const directories: Dirent[] = [];
  for (const entry of entries) {
    if (entry.name.startsWith('.')) continue;
    const path = join(shown, entry.name);
    if (entry.isDirectory()) directories.push(entry);
    else if (!entry.isSymbolicLink()) notes.push({ path, why: 'it is no directory' });
    else {
      const target = await realpath(join(at, entry.name)).catch(() => undefined);
      const way = target === undefined ? undefined : relative(root, target);
      if (way === undefined) notes.push({ path, why: 'it is a link that leads nowhere' });
      else if (way !== '..' && !way.startsWith(`..${sep}`))
        notes.push({ path, why: 'it is a link; what it leads to is read where it is' });
      else {
        const problem = unreadable(path, 'it is a link that leads out of the directory of plugins');
        if (refuse === undefined)
          notes.push({ path, why: 'it is a link that leads out of the directory of plugins' });
        else refuse(entry.name, problem);
      }
    }
  }
  return directories;
}

/** Reads one version: see {@link readArtifacts}. Undefined: it is none, and was not meant to be one. */
export async function readArtifact(
  directory: string,
  name: string,
  version: string,
): Promise<ArtifactOnDisk | undefined> {
  if (!pluginName.test(name)) return undefined;
  try {
    const manifest = await readManifest(directory);
    checkPlace(manifest, directory, name, version);
    return { name, version, directory, manifest };
  } catch (error) {
    if (!(error instanceof PluginError)) throw error;
    if (error.code === 'MANIFEST_NOT_FOUND' && parseVersion(version) === null) return undefined;
    return { name, version, directory, problem: error };
  }
}

/**
 * Throws PluginError ARTIFACT_MISPLACED unless a manifest lies where its name and version say: by its path alone everybody
 * has to know what it is.
 */
export function checkPlace(manifest: Manifest, directory: string, name: string, version: string): void {
  const wrong = [
    ...(manifest.name === name ? [] : [`plugin ${manifest.name} and not ${name}`]),
    ...(manifest.version === version ? [] : [`version ${manifest.version} and not ${printable(version)}`]),
  ];
  if (wrong.length === 0) return;
  const path = join(directory, manifestName);
  throw new PluginError('ARTIFACT_MISPLACED', `${path} says that it is ${wrong.join(', ')}.`, {
    facts: { path, name: manifest.name, version: manifest.version },
    hint: `Move it to ${join(manifest.name, manifest.version)}, or correct ${basename(path)}.`,
  });
}

/** For a sort: the highest version first, what has no semantic version last. */
export function highestFirst(a: Pick<ArtifactOnDisk, 'version'>, b: Pick<ArtifactOnDisk, 'version'>): number {
  const [left, right] = [parseVersion(a.version), parseVersion(b.version)];
  if (left !== null && right !== null) return compareBuild(right, left) || (a.version < b.version ? -1 : 1);
  if (left === null && right === null) return a.version < b.version ? -1 : 1;
  return left === null ? 1 : -1;
}
