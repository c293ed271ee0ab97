import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { PluginError } from '@plugd/protocol/plugin-error';
import { digestArtifact } from '../artifact/artifact-tree';
import { isSystemError } from '../artifact/system-error';
import { highestFirst, readArtifact } from '../manifest/artifacts';
import type { VersionFound } from './choices';
import { type Directories, type Listing, listVersions, readDirectory } from './list-versions';
import { QuietTime } from './quiet-time';

/** A version that can't be run as it lies there. */
export interface Unfit {
  readonly name: string;
  readonly version: string;
  readonly problem: PluginError;
}

/** What a look at the directory has shown. */
export interface Look {
  readonly onDisk: ReadonlyMap<string, readonly VersionFound[]>;
  /** Those that were not known yet as they are. */
  readonly found: readonly { readonly name: string; readonly version: string; readonly digest: string }[];
  readonly unfit: readonly Unfit[];
  /** Plugins whose directories could be read before and can't now, with why: they are taken for what they were. */
  readonly unreadable: readonly { readonly name: string; readonly error: unknown }[];
  /** Undefined: all is quiet. */
  readonly nextMs: number | undefined;
  readonly directories: Directories;
}

interface Known {
  /** What it looked like when its content was read. */
  readonly signature: string;
  /** Undefined: it is no version at all, with neither a manifest nor the name of one. */
  readonly found: VersionFound | undefined;
  readonly problem: PluginError | undefined;
}

/** A directory of plugins, looked at again and again: a version is read when it has not changed for the quiet time. */
export class ShelfOfVersions {
  readonly #root: string;
  readonly #quietMs: number;
  readonly #quiet: QuietTime;
  readonly #readDirectory: typeof readDirectory;
  #known = new Map<string, Known>();
  #listing: Listing = { signatures: new Map(), unreadable: new Map(), directories: new Map() };

  /** @param read lists a directory */
  constructor(root: string, quietMs: number, read = readDirectory) {
    this.#root = root;
    this.#readDirectory = read;
    this.#quietMs = quietMs;
    this.#quiet = new QuietTime(quietMs);
  }

  /** @param whole reads all contents, whatever they look like. Throws PluginError ARTIFACT_UNREADABLE, and the signal's reason. */
  async look(whole: boolean, signal?: AbortSignal): Promise<Look> {
    const last = this.#listing;
    const listing = withFormer(await listVersions(this.#root, this.#readDirectory), last);
    this.#listing = listing;
    const quiet = this.#quiet.look(performance.now(), listing.signatures);
    const stale = [...quiet.settled].filter(
      (key) =>
        !listing.unreadable.has(pluginOf(key)) &&
        (whole || this.#known.get(key)?.signature !== listing.signatures.get(key)),
    );
    const before = this.#known;
    if (stale.length > 0) await this.#read(stale, listing, signal);
    const fresh = stale.flatMap((key) => {
      const [old, now] = [before.get(key), this.#known.get(key)];
      if (now?.found === undefined || isSame(old, now)) return [];
      return [{ name: pluginOf(key), found: now.found, problem: now.problem }];
    });
    this.#known = new Map([...this.#known].filter(([key]) => listing.signatures.has(key)));
    return {
      onDisk: this.#onDisk([...listing.signatures.keys(), ...quiet.justGone], quiet.settled),
      found: fresh.flatMap(({ name, found: { version, digest } }) =>
        digest === undefined ? [] : [{ name, version, digest }],
      ),
      unfit: fresh.flatMap(({ name, found: { version }, problem }) =>
        problem === undefined ? [] : [{ name, version, problem }],
      ),
      unreadable: [...listing.unreadable].flatMap(([name, error]) =>
        last.unreadable.has(name) ? [] : [{ name, error }],
      ),
      nextMs: fresh.some(({ found: { state } }) => state === 'unsettled')
        ? Math.min(this.#quietMs, quiet.nextMs ?? this.#quietMs)
        : quiet.nextMs,
      directories: listing.directories,
    };
  }

  /** Why a version can't be run as it lies there, as far as it is known. */
  problemOf(name: string, version: string): PluginError | undefined {
    return this.#known.get(keyOf(name, version))?.problem;
  }

  /** It was another one than it is known as. */
  doubt(name: string, version: string): void {
    this.#quiet.disturb(keyOf(name, version));
    this.#known.delete(keyOf(name, version));
  }

  async #read(
    keys: readonly string[],
    { signatures }: Listing,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const known = new Map(this.#known);
    for (const key of keys) {
      const signature = signatures.get(key) ?? '';
      const [name, version] = [pluginOf(key), key.slice(key.indexOf('/') + 1)];
      const directory = join(this.#root, key);
      const artifact = await readArtifact(directory, name, version);
      if (artifact?.manifest === undefined && !(await isThere(directory))) {
        // It has gone since the list was made, and may come back as it was.
        if (known.has(key)) known.set(key, this.#disturbed(key, version));
        continue;
      }
      if (artifact === undefined) {
        known.set(key, { signature, found: undefined, problem: undefined });
        continue;
      }
      const unfit = (problem: PluginError): Known => ({
        signature,
        found: { version, state: 'unfit', digest: undefined, requires: {} },
        problem,
      });
      if (artifact.problem !== undefined) {
        known.set(key, unfit(artifact.problem));
        continue;
      }
      const { requires = {} } = artifact.manifest;
      try {
        const digest = await digestArtifact(directory, signal);
        known.set(key, {
          signature,
          found: { version, state: 'good', digest, requires },
          problem: undefined,
        });
      } catch (error) {
        if (!(error instanceof PluginError)) throw error;
        known.set(key, error.code === 'ARTIFACT_CHANGED' ? this.#disturbed(key, version) : unfit(error));
      }
    }
    this.#known = known;
  }

  /** It changes while it is read. */
  #disturbed(key: string, version: string): Known {
    this.#quiet.disturb(key);
    return {
      signature: '',
      found: { version, state: 'unsettled', digest: undefined, requires: {} },
      problem: undefined,
    };
  }

  #onDisk(
    keys: readonly string[],
    settled: ReadonlySet<string>,
  ): ReadonlyMap<string, readonly VersionFound[]> {
    const plugins = new Map<string, VersionFound[]>();
    for (const key of keys) {
      const known = this.#known.get(key)?.found;
      const unsettled: VersionFound = {
        version: key.slice(key.indexOf('/') + 1),
        state: 'unsettled',
        digest: undefined,
        requires: {},
      };
      const found = settled.has(key) ? known : unsettled;
      if (found === undefined) continue;
      plugins.set(pluginOf(key), [...(plugins.get(pluginOf(key)) ?? []), found]);
    }
    for (const versions of plugins.values()) versions.sort(highestFirst);
    return plugins;
  }
}

/** What nobody can see now is as it was: a plugin is not gone because the system has no descriptor left for a moment. */
function withFormer(listing: Listing, { signatures }: Listing): Listing {
  if (listing.unreadable.size === 0) return listing;
  const former = [...signatures].filter(([key]) => listing.unreadable.has(pluginOf(key)));
  return { ...listing, signatures: new Map([...listing.signatures, ...former]) };
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    (error: unknown) => !isSystemError(error, 'ENOENT', 'ENOTDIR'),
  );
}

function isSame(old: Known | undefined, now: Known): boolean {
  if (old?.found === undefined || now.found?.state === 'unsettled') return false;
  return old.found.digest === now.found?.digest && old.problem?.message === now.problem?.message;
}

const keyOf = (name: string, version: string): string => `${name}/${version}`;
const pluginOf = (key: string): string => key.slice(0, key.indexOf('/'));
