import { dirname } from 'node:path';
import { PluginError } from '@plugd/protocol/plugin-error';
import type { ClassicLevel } from 'classic-level';

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

  /**
   * Of files that are whole: what is damaged may end the process. Throws PluginError STATE_DIR_IN_USE, STATE_DIR_UNUSABLE where
   * there is no such library, or what LevelDB says.
   */
  static async open(path: string, { createIfMissing }: { createIfMissing: boolean }): Promise<LevelFiles> {
    const { ClassicLevel } = await library(path);
    const options = { keyEncoding: 'utf8', valueEncoding: 'utf8', createIfMissing };
    const level = new ClassicLevel<string, string>(path, options);
    try {
      await level.open();
    } catch (error) {
      await level.close().catch(() => {});
      throw isLocked(error) ? inUse(path, error) : error;
    }
    return new LevelFiles(level);
  }

  /** Reads nothing. Throws PluginError STATE_DIR_IN_USE, STATE_DIR_UNUSABLE where there is no such library. */
  static async expectUnused(path: string): Promise<void> {
    const { ClassicLevel } = await library(path);
    // It is refused whether it exists or not, but for another reason when it is locked, which LevelDB looks at first.
    const level = new ClassicLevel(path, { createIfMissing: false, errorIfExists: true });
    const refusal = await level.open().catch((error: unknown) => error);
    await level.close().catch(() => {});
    if (isLocked(refusal)) throw inUse(path, refusal);
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

function inUse(path: string, cause: unknown): PluginError {
  const directory = dirname(path);
  const facts = { path: directory };
  return new PluginError('STATE_DIR_IN_USE', `Another host uses ${directory}.`, { facts, cause });
}

function isLocked(error: unknown): boolean {
  return codeOf(error) === 'LEVEL_LOCKED';
}

/** By its shape: what a library throws may be of another realm. */
function codeOf(error: unknown): unknown {
  if (typeof error !== 'object' || error === null) return undefined;
  const cause = 'cause' in error ? codeOf(error.cause) : undefined;
  return cause ?? ('code' in error ? error.code : undefined);
}
