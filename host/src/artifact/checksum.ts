import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { PluginError } from '@plugd/protocol/plugin-error';

/** SHA-256 of a file, as 64 hexadecimal digits. Throws the system's error if it can't be read. */
export async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

/**
 * Checks that a file is the one that was approved.
 *
 * Throws PluginError OPTIONS_INVALID (`sha256` is no checksum), COMMAND_NOT_FOUND (it can't be read) and
 * CHECKSUM_MISMATCH.
 */
export async function verifyChecksum(path: string, sha256: string): Promise<void> {
  if (!/^[0-9a-f]{64}$/i.test(sha256))
    throw new PluginError('OPTIONS_INVALID', 'sha256 must have 64 hexadecimal digits.', {
      facts: { sha256 },
    });
  let actual: string;
  try {
    actual = await hashFile(path);
  } catch (cause) {
    throw new PluginError('COMMAND_NOT_FOUND', `${path} can't be read for its checksum.`, {
      facts: { path },
      cause,
    });
  }
  if (actual !== sha256.toLowerCase())
    throw new PluginError('CHECKSUM_MISMATCH', `${path} has another content than the one approved.`, {
      facts: { path, expected: sha256.toLowerCase(), actual },
    });
}
