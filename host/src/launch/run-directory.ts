import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmdirSync,
  statSync,
} from 'node:fs';
import { chmod, lstat, readdir, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { PluginError } from '@plugd/protocol/plugin-error';
import type { Platform } from '../platform/platform';
import { scratchDirectory } from './resource-variables';

/** Sockets have room for 104 bytes on some systems, with their end; a little is left for other names. */
const SOCKET_PATH_BYTES = 100;
/** What follows the host's directory: `/i-XXXXXX` and `/plugin` with ten digits. */
const BELOW_HOST_DIRECTORY = 26;
const HOST_PREFIX = 'plugd-';
const INSTANCE_PREFIX = 'i-';
/** What several instances use. */
const SHARED_PREFIX = 's-';

export interface RunDirectoryOptions {
  readonly platform: Platform;
  /** Where to make it; default: the places that the platform offers. Created, 0700, if it is missing. */
  readonly base?: string;
  /** Whether other users than this one must be able to come through to the sockets. */
  readonly shared?: boolean;
  /** Called before anything else can happen: whoever cleans up has to know. */
  readonly onCreated: (path: string) => void;
}

/** The directory of one host, in which each instance has its own. */
export class RunDirectory {
  readonly path: string;
  readonly #platform: Platform;
  readonly #mode: number;

  private constructor(path: string, platform: Platform, mode: number) {
    this.path = path;
    this.#platform = platform;
    this.#mode = mode;
  }

  /** Throws PluginError RUN_DIR_UNSAFE, RUN_DIR_FULL, SOCKET_PATH_TOO_LONG. */
  static create(options: RunDirectoryOptions): RunDirectory {
    const { platform, base } = options;
    if (base !== undefined) {
      const explicit = explicitBase(base, platform);
      if (options.shared && (statSync(explicit).mode & 0o011) === 0) {
        throw new PluginError(
          'RUN_DIR_UNSAFE',
          `Members of the socket's group could not come through ${base} to it.`,
          { facts: { path: base }, hint: 'chmod 711 lets them through, and shows them nothing.' },
        );
      }
      return RunDirectory.#createIn(explicit, options);
    }
    let refusal: unknown;
    for (const candidate of platform.runDirectoryBases()) {
      if (options.shared && !isOpen(candidate)) continue;
      try {
        return RunDirectory.#createIn(realpathSync(candidate), options);
      } catch (error) {
        refusal ??= error;
      }
    }
    throw refusal instanceof PluginError ? refusal : unsafe('(none)', 'no place for one was found', refusal);
  }

  static #createIn(base: string, { platform, shared, onCreated }: RunDirectoryOptions): RunDirectory {
    if (base.includes('\n')) throw unsafe(base, 'its name has more than one line');
    const path = makePrivate(join(base, HOST_PREFIX), platform);
    onCreated(path);
    try {
      const bytes = Buffer.byteLength(path) + BELOW_HOST_DIRECTORY;
      if (platform.unixSockets && bytes > SOCKET_PATH_BYTES)
        throw new PluginError(
          'SOCKET_PATH_TOO_LONG',
          `Sockets below ${base} would have paths of ${bytes} bytes; ${SOCKET_PATH_BYTES} are possible.`,
          { facts: { base, bytes, limit: SOCKET_PATH_BYTES } },
        );
      const mode = shared ? 0o711 : 0o700;
      if (shared) chmodSync(path, mode);
      return new RunDirectory(path, platform, mode);
    } catch (error) {
      rmdirSync(path);
      throw error;
    }
  }

  /** A new directory for one instance; with `group` its members may come in. Throws PluginError RUN_DIR_UNSAFE, RUN_DIR_FULL. */
  createInstance(group?: number): string {
    this.#restore();
    const path = makePrivate(join(this.path, INSTANCE_PREFIX), this.#platform);
    if (group === undefined) return path;
    try {
      chownSync(path, process.getuid?.() ?? 0, group);
      chmodSync(path, 0o770);
      return path;
    } catch (cause) {
      rmdirSync(path);
      throw new PluginError('SOCKET_GROUP_UNKNOWN', `This user may not give a directory to group ${group}.`, {
        facts: { group },
        hint: 'Name a group that this user is a member of.',
        cause,
      });
    }
  }

  /** A new directory for what outlives one instance. Throws PluginError RUN_DIR_UNSAFE, RUN_DIR_FULL. */
  createShared(): string {
    this.#restore();
    return makePrivate(join(this.path, SHARED_PREFIX), this.#platform);
  }

  /** Whatever cleans up old files may have taken it away: without it no plugin could be started ever again. */
  #restore(): void {
    try {
      mkdirSync(this.path, { mode: this.#mode });
    } catch {
      // It is there, or what follows says why not.
      if (this.#platform.style === 'windows') return;
      const about = lstatSync(this.path, { throwIfNoEntry: false });
      if (about === undefined) return;
      // Its name was to be seen, and in a directory for all somebody else may have taken it meanwhile.
      if (!about.isDirectory() || about.uid !== process.getuid?.())
        throw unsafe(this.path, 'it was replaced');
      return;
    }
    chmodSync(this.path, this.#mode);
  }

  removeIfEmpty(): void {
    removeEmpty(this.path);
  }

  async remove(): Promise<void> {
    await removeTree(this.path);
  }
}

/** Makes a directory with a random end to its name that nobody but this user can enter. */
function makePrivate(prefix: string, platform: Platform): string {
  let path: string;
  try {
    path = mkdtempSync(prefix);
  } catch (cause) {
    if (isFull(cause)) throw full(dirname(prefix), cause);
    throw unsafe(dirname(prefix), 'no directory can be made in it', cause);
  }
  if (platform.style === 'windows') return path;
  // The system's promise, checked: some file systems know neither owners nor modes.
  const about = lstatSync(path);
  if (about.isDirectory() && about.uid === process.getuid?.() && (about.mode & 0o777) === 0o700) return path;
  rmdirSync(path);
  throw unsafe(dirname(prefix), 'a directory made in it is open to others');
}

function explicitBase(base: string, platform: Platform): string {
  try {
    mkdirSync(base, { mode: 0o700, recursive: true });
  } catch (cause) {
    throw unsafe(base, 'it is no directory and none can be made there', cause);
  }
  const about = lstatSync(base);
  if (about.isSymbolicLink()) throw unsafe(base, 'it is a symbolic link');
  if (!about.isDirectory()) throw unsafe(base, 'it is no directory');
  if (platform.style === 'posix') {
    if (about.uid !== process.getuid?.()) throw unsafe(base, `it belongs to user ${about.uid}`);
    // Who can write to it could put another directory in the place of ours.
    if ((about.mode & 0o022) !== 0) throw unsafe(base, 'others can write to it');
  }
  return realpathSync(base);
}

function unsafe(path: string, why: string, cause?: unknown): PluginError {
  return new PluginError('RUN_DIR_UNSAFE', `${path} can't hold a run directory: ${why}.`, {
    facts: { path },
    ...(cause === undefined ? {} : { cause }),
  });
}

function isFull(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT');
}

function full(path: string, cause: unknown): PluginError {
  return new PluginError('RUN_DIR_FULL', `There is no room left for a directory in ${path}.`, {
    facts: { path },
    cause,
  });
}

function isOpen(path: string): boolean {
  try {
    return (statSync(path).mode & 0o001) !== 0;
  } catch {
    return false;
  }
}

/** Removes what stands there, never what a symbolic link points at. */
export async function removeTree(path: string): Promise<void> {
  // A plugin may still have been writing when it was ended.
  const remove = () => rm(path, { recursive: true, force: true, maxRetries: 3, retryDelay: 20 });
  try {
    await remove();
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && (error.code === 'EACCES' || error.code === 'EPERM')))
      throw error;
    // Directories that nobody may write to: copies of a configuration, caches of modules.
    await openUp(path);
    await remove();
  }
}

/** Lets this user change the directories of a tree again, without following links. */
async function openUp(path: string): Promise<void> {
  if (!(await lstat(path)).isDirectory()) return;
  await chmod(path, 0o700);
  for (const entry of await readdir(path, { withFileTypes: true })) {
    if (entry.isDirectory()) await openUp(join(path, entry.name));
  }
}

/**
 * An empty directory of the instance's own. `open`: others may come into the instance's, but must not touch this one.
 *
 * Throws PluginError RUN_DIR_UNSAFE, RUN_DIR_FULL.
 */
export function makeScratchDirectory(directory: string, open: boolean): void {
  try {
    if (open) chmodSync(directory, 0o1770);
    mkdirSync(scratchDirectory(directory), { mode: 0o700 });
  } catch (cause) {
    throw isFull(cause) ? full(directory, cause) : unsafe(directory, 'no directory can be made in it', cause);
  }
}

/**
 * Removes the directory of an instance, or one that several used; the path may come from a record, so it has to look like one of ours. The
 * host's directory goes too when it is another host's, handed over and empty by now.
 */
export async function removeInstanceDirectory(
  path: string,
  ownDirectories: readonly string[],
): Promise<void> {
  const parent = dirname(path);
  const ours = [INSTANCE_PREFIX, SHARED_PREFIX].some((prefix) => basename(path).startsWith(prefix));
  if (!ours || !basename(parent).startsWith(HOST_PREFIX)) return;
  await removeTree(path);
  if (ownDirectories.includes(parent)) return;
  removeEmpty(parent);
}

function removeEmpty(path: string): void {
  try {
    rmdirSync(path);
  } catch {
    // Not empty: other instances are there, or it is in use.
  }
}
