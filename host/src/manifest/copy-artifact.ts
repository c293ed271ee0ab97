import { chmod, mkdtemp } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { PluginError } from '@plugd/protocol/plugin-error';
import { printable } from '@plugd/protocol/printable';
import { changed, digestArtifact, digestOf, hashFiles, listArtifact } from '../artifact/artifact-tree';
import { copyFiles } from '../artifact/private-copy';
import { isSystemError } from '../artifact/system-error';
import { removeTree } from '../launch/run-directory';
import { checkPlace } from './artifacts';
import { type Manifest, manifestName } from './manifest';
import { readManifest } from './read-manifest';
import { plainPath } from './relations';

/** An artifact's own copy, which nobody but this user can read, and nothing is to change. */
export interface ArtifactCopy {
  /** Where it lies, as an absolute path; 0700. */
  readonly directory: string;
  /** Where it was copied from. */
  readonly source: string;
  /** As it stands in the copy. */
  readonly manifest: Manifest;
  /** As {@link digestArtifact} has it of a directory with the same content. */
  readonly digest: string;
  /** Removes it. May be called again; once it is removed, that does nothing. Rejects with the system's error if it stays. */
  release(): Promise<void>;
}

/**
 * Copies the directory of an artifact into a new one in `into`, and holds the copy against its manifest: from then on the
 * original may be overwritten, moved or deleted. A change while it is copied is found, whether the manifest has sums or not.
 * Where it fails nothing is left behind.
 *
 * `as`: the name and version that it was chosen by; it may have become another one since. Default: whatever it is.
 *
 * Throws PluginError ARTIFACT_UNREADABLE, ARTIFACT_CHANGED, ARTIFACT_MISPLACED (it is not what `as` says), MANIFEST_NOT_FOUND,
 * MANIFEST_INVALID, RUN_DIR_FULL, RUN_DIR_UNSAFE (nothing can be made in `into`).
 */
export async function copyArtifact(
  directory: string,
  into: string,
  as?: Pick<Manifest, 'name' | 'version'>,
): Promise<ArtifactCopy> {
  const tree = await listArtifact(directory);
  const target = await makeDirectory(into);
  try {
    const copies = await copyFiles(tree, target);
    const manifest = await readManifest(target, directory);
    if (as !== undefined) checkPlace(manifest, directory, as.name, as.version);
    const sums = await hashFiles(copies);
    const digest = digestOf(tree, sums);
    if (manifest.files !== undefined) checkSums(directory, manifest.files, sums);
    // Without sums nobody knows what it was to be; that it was all of one moment can be known.
    else if ((await digestArtifact(directory)) !== digest)
      throw changed(directory, 'it changed while it was copied');
    await allowCommands(target, manifest, sums);
    return { directory: target, source: directory, manifest, digest, release: releaser(target) };
  } catch (error) {
    await removeTree(target).catch(() => {});
    throw error;
  }
}

async function makeDirectory(into: string): Promise<string> {
  try {
    // Absolute: the plugin's process has another working directory.
    return await mkdtemp(join(resolve(into), 'artifact-'));
  } catch (cause) {
    const full = isSystemError(cause, 'ENOSPC', 'EDQUOT');
    throw new PluginError(full ? 'RUN_DIR_FULL' : 'RUN_DIR_UNSAFE', `No directory can be made in ${into}.`, {
      facts: { path: into },
      cause,
    });
  }
}

/** All that differs, at once: who deploys again wants to know how much is wrong. */
function checkSums(
  directory: string,
  listed: NonNullable<Manifest['files']>,
  sums: ReadonlyMap<string, string>,
): void {
  const wanted = new Map(Object.entries(listed).map(([path, sum]) => [plainPath(path), sum.toLowerCase()]));
  const differing = [...wanted].flatMap(([path, expected]) => {
    const actual = sums.get(path);
    return actual === expected ? [] : [{ path, expected, actual }];
  });
  const additional = [...sums.keys()].filter((path) => path !== manifestName && !wanted.has(path));
  if (differing.length + additional.length === 0) return;
  const missing = differing.filter(({ actual }) => actual === undefined);
  const other = differing.filter(({ actual }) => actual !== undefined);
  const parts = [
    ...told(
      other.map(({ path }) => path),
      'another content than the manifest says',
    ),
    ...told(
      missing.map(({ path }) => path),
      'missing',
    ),
    ...told(additional, 'not in the manifest'),
  ];
  throw changed(directory, parts.join('; '), { facts: { differing, additional } });
}

function told(paths: readonly string[], what: string): string[] {
  if (paths.length === 0) return [];
  const shown = paths.slice(0, 5).map((path) => printable(path));
  return [`${what}: ${shown.join(', ')}${paths.length > 5 ? ` and ${paths.length - 5} more` : ''}`];
}

/** What the manifest says is to be run may be run, by whatever way it was brought here. */
async function allowCommands(
  target: string,
  { command, runtime }: Manifest,
  sums: ReadonlyMap<string, string>,
): Promise<void> {
  if (runtime !== undefined) return;
  const commands = typeof command === 'string' ? [command] : Object.values(command);
  for (const file of commands.map(plainPath)) if (sums.has(file)) await chmod(join(target, file), 0o500);
}

function releaser(target: string): () => Promise<void> {
  let removal: Promise<void> | undefined;
  return () => {
    removal ??= removeTree(target).catch((error: unknown) => {
      // The next call tries again: a program that still runs can't be removed everywhere.
      removal = undefined;
      throw error;
    });
    return removal;
  };
}
