import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { PluginError } from '@plugd/protocol/plugin-error';
import { unreadable } from '../artifact/artifact-tree';
import { isSystemError } from '../artifact/system-error';
import { type Manifest, manifestName } from './manifest';
import { parseManifest } from './parse-manifest';
import { sourceLimits } from './yaml-limits';

/**
 * No link: what is wrong in a manifest is told with what stands there, and it might lead to anybody's secrets. And to open a
 * pipe would be to wait for whoever writes to it. Windows has neither flag.
 */
const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/**
 * Reads the manifest in a directory. `shown`: what messages call the directory, where the one that is read is a copy.
 *
 * Throws PluginError MANIFEST_NOT_FOUND, ARTIFACT_UNREADABLE, MANIFEST_INVALID.
 */
export async function readManifest(directory: string, shown = directory): Promise<Manifest> {
  const path = join(directory, manifestName);
  const name = join(shown, manifestName);
  let content: Uint8Array;
  try {
    await using file = await open(path, flags);
    content = await readAtMost(file, sourceLimits.bytes + 1);
  } catch (cause) {
    if (isSystemError(cause, 'ENOENT'))
      throw new PluginError('MANIFEST_NOT_FOUND', `There is no ${name}.`, { facts: { path: name }, cause });
    const why = isSystemError(cause, 'ELOOP') ? 'a manifest may be no link' : 'it could not be read';
    throw unreadable(name, why, cause);
  }
  return parseManifest(content, name);
}

/** One byte more than is allowed is enough to be refused for its length. */
async function readAtMost(file: FileHandle, limit: number): Promise<Uint8Array> {
  if (!(await file.stat()).isFile()) throw new Error('it is no file');
  const buffer = Buffer.alloc(Math.min(limit, (await file.stat()).size + 1));
  let length = 0;
  while (length < buffer.length) {
    const { bytesRead } = await file.read(buffer, length, buffer.length - length, length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return buffer.subarray(0, length);
}
