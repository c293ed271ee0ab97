import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { PluginError } from '@plugd/protocol/plugin-error';
import type { ClassicLevel } from 'classic-level';
import { isSystemError } from '../state/system-error';

type Library = typeof import('classic-level');

export interface LevelWrite {
  readonly put: readonly { readonly key: string; readonly value: string }[];
  readonly remove: readonly string[];
  readonly sync: boolean;
}

export interface KeyRange {
  readonly gte: string;
  readonly lt: string;
}

/** A LevelDB, which belongs to this process alone while it is open. */
export class LevelFiles {
  readonly #level: ClassicLevel<string, string>;
  /** Since the last write failed. */
  #failed = false;

  private constructor(level: ClassicLevel<string, string>) {
    this.#level = level;
  }

  /** Throws PluginError STATE_DIR_IN_USE, STATE_DIR_UNUSABLE where there is no such library, or what LevelDB says. */
  static async open(path: string): Promise<LevelFiles> {
    const { ClassicLevel } = await library(path);
    const level = new ClassicLevel<string, string>(path, {
      keyEncoding: 'utf8',
      valueEncoding: 'utf8',
      // Without the file that names the others it would begin anew, and remove them.
      createIfMissing: !(await hasFiles(path)),
    });
    try {
      await level.open();
    } catch (error) {
      await level.close().catch(() => {});
      if (codeOf(error) !== 'LEVEL_LOCKED') throw error;
      throw new PluginError('STATE_DIR_IN_USE', `Another host uses ${dirname(path)}.`, {
        facts: { path: dirname(path) },
        cause: error,
      });
    }
    return new LevelFiles(level);
  }

  /** Makes of what can be read in it something that can be opened. Rejects where it can't. */
  static async repair(path: string): Promise<void> {
    const { ClassicLevel } = await library(path);
    await ClassicLevel.repair(path);
  }

  /**
   * Whether it went on without a part of its log that it could not read. It does so by itself, and tells nobody but its own
   * diary. A log that is merely cut off, as by a kill or a loss of power, does not count.
   */
  async hasDropped(): Promise<boolean> {
    const diary = await readFile(join(this.#level.location, 'LOG'), 'latin1').catch(() => '');
    return /dropping \d+ bytes/.test(diary);
  }

  /** All of it is done, or nothing of it. Throws what LevelDB says; then nobody knows which of the two. */
  async write({ put, remove, sync }: LevelWrite): Promise<void> {
    await this.#mend();
    this.#failed = true;
    await this.#level.batch(
      [
        ...remove.map((key) => ({ type: 'del' as const, key })),
        ...put.map(({ key, value }) => ({ type: 'put' as const, key, value })),
      ],
      { sync },
    );
    this.#failed = false;
  }

  /** What is there, or lies in the range, in the order of the keys. */
  entries(range?: KeyRange): AsyncIterable<[string, string]> {
    return this.#level.iterator({ ...range });
  }

  async keys(range: KeyRange): Promise<string[]> {
    await this.#mend();
    return this.#level.keys({ ...range }).all();
  }

  async close(): Promise<void> {
    await this.#level.close();
  }

  /** After a write that failed, half of it may stand in the log, and what is written behind that would be lost with it. */
  async #mend(): Promise<void> {
    if (!this.#failed) return;
    await this.#level.close();
    await this.#level.open();
    this.#failed = false;
  }
}

/** Not before it is needed: it has a part in machine code, which is not there for every system. */
async function library(path: string): Promise<Library> {
  try {
    return await import('classic-level');
  } catch (cause) {
    const directory = dirname(path);
    throw new PluginError('STATE_DIR_UNUSABLE', `No journal can be kept in ${directory} on this system.`, {
      facts: { path: directory },
      hint: 'Install the package classic-level for this system, and leave it out of bundles; or give no state directory.',
      cause,
    });
  }
}

async function hasFiles(path: string): Promise<boolean> {
  try {
    const names = await readdir(path);
    return names.some((name) => /^(CURRENT|MANIFEST-.*|\d+\.(log|ldb|sst))$/.test(name));
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return false;
    throw error;
  }
}

/** By its shape: what a library throws may be of another realm. */
function codeOf(error: unknown): unknown {
  if (typeof error !== 'object' || error === null) return undefined;
  const cause = 'cause' in error ? codeOf(error.cause) : undefined;
  return cause ?? ('code' in error ? error.code : undefined);
}
