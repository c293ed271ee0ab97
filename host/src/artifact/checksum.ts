import { createHash } from 'node:crypto';
import { PluginError } from '@plugd/protocol/plugin-error';
import { openPlainFile } from './plain-file';

const chunkBytes = 64 * 1024;

/**
 * SHA-256 of a file, as 64 hexadecimal digits. Throws the system's error if it can't be read, NoPlainFile if it is none, and the
 * signal's reason.
 */
export async function hashFile(path: string, signal?: AbortSignal): Promise<string> {
  signal?.throwIfAborted();
  const hash = createHash('sha256');
  await using file = await openPlainFile(path);
  const chunk = Buffer.allocUnsafeSlow(chunkBytes);
  for (;;) {
    const { bytesRead } = await file.read(chunk, 0, chunkBytes);
    signal?.throwIfAborted();
    if (bytesRead === 0) return hash.digest('hex');
    hash.update(chunk.subarray(0, bytesRead));
  }
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
