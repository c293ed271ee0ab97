import { randomBytes, randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { link, open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { PluginError } from '@plugd/protocol/plugin-error';
import { isSystemError } from '../artifact/system-error';
import { syncDirectory } from './private-directory';

const fileName = 'key';
const currentVersion = 1;
const temporaryPrefix = 'key-new-';
const longest = 256;

/** What snapshots are encrypted with, in a file beside them that only this user can read. */
export class SnapshotKey {
  /** 32 bytes. */
  readonly bytes: Buffer;
  readonly #directory: string;

  private constructor(directory: string, bytes: Buffer) {
    this.#directory = directory;
    this.bytes = bytes;
  }

  /**
   * Reads the key; makes one if there is none. One that is damaged is set aside: what was encrypted with it can't be read
   * whatever is done, and the next snapshot must be kept all the same. Throws PluginError STATE_FORMAT_NEWER.
   */
  static async open(directory: string): Promise<SnapshotKey> {
    for (const name of await readdir(directory)) {
      if (name.startsWith(temporaryPrefix)) await rm(join(directory, name), { force: true });
    }
    const path = join(directory, fileName);
    const text = await readSmall(path);
    const found = text === undefined ? undefined : parse(text, path);
    if (found !== undefined) return new SnapshotKey(directory, found);
    if (text !== undefined) await rename(path, join(directory, `${fileName}-damaged`));
    const key = new SnapshotKey(directory, randomBytes(32));
    await key.ensureKept();
    return key;
  }

  /** Puts the key back if somebody cleared the directory under a host at work. */
  async ensureKept(): Promise<void> {
    const path = join(this.#directory, fileName);
    const text = `plugd-key ${currentVersion}\n${this.bytes.toString('hex')}\n`;
    const there = await readSmall(path);
    if (there === text) return;
    if (there !== undefined) {
      throw new PluginError('STATE_DIR_IN_USE', `Somebody put another key into ${this.#directory}.`, {
        facts: { path: this.#directory },
      });
    }
    const temporary = join(this.#directory, `${temporaryPrefix}${randomUUID()}`);
    try {
      const file = await open(temporary, 'wx', 0o600);
      try {
        await file.writeFile(text);
        await file.sync();
      } finally {
        await file.close();
      }
      // Never over a key that is there, whoever made it meanwhile. Not every file system has links.
      await link(temporary, path).catch(async (error: unknown) => {
        if (!isSystemError(error, 'EEXIST')) await rename(temporary, path);
      });
    } finally {
      await rm(temporary, { force: true });
    }
    await syncDirectory(this.#directory);
  }
}

/** Undefined: nobody can make a key of it. */
function parse(text: string, path: string): Buffer | undefined {
  const version = Number(/^plugd-key (\d{1,9})\n/.exec(text)?.[1]);
  if (version > currentVersion) {
    throw new PluginError('STATE_FORMAT_NEWER', `${path} is a key of version ${version}.`, {
      facts: { path, format: version, known: [currentVersion] },
    });
  }
  const hex = /^plugd-key 1\n([0-9a-f]{64})\n$/.exec(text)?.[1];
  return hex === undefined ? undefined : Buffer.from(hex, 'hex');
}

/** Undefined: there is no such file. What is there may be anybody's: no link is followed, and no more read than a key has. */
async function readSmall(path: string): Promise<string | undefined> {
  try {
    const file = await open(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0));
    try {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(longest), 0, longest, 0);
      return buffer.toString('latin1', 0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return undefined;
    throw new PluginError('STATE_DIR_UNUSABLE', `The key of the snapshots, ${path}, can't be read.`, {
      facts: { path },
      cause: error,
    });
  }
}
