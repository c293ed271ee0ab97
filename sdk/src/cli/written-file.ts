import { createHash } from 'node:crypto';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { CommandError, reasonOf } from './command-error';

export interface WrittenFile {
  readonly path: string;
  /** In bytes. */
  readonly size: number;
  /** As a host's option `sha256` takes it: 64 hexadecimal digits. */
  readonly sha256: string;
}

/**
 * Writes a file in one step: whoever starts a plugin meanwhile gets the old one or the new one, and the old one
 * goes on running from its own file.
 * @throws CommandError
 */
export async function writeWhole(
  path: string,
  content: string | Uint8Array,
  mode: number,
): Promise<WrittenFile> {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  const directory = dirname(path);
  const beside = join(directory, `.${basename(path)}.${process.pid}`);
  try {
    await mkdir(directory, { recursive: true });
    try {
      await writeFile(beside, bytes, { mode });
      await rename(beside, path);
    } finally {
      await rm(beside, { force: true });
    }
  } catch (error) {
    throw new CommandError(`${path} can't be written: ${reasonOf(error)}.`, 1, { cause: error });
  }
  return { path, size: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
}
