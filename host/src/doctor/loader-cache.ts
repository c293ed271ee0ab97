import { readFileSync } from 'node:fs';
import { isRangeError, textAt } from './bytes';

const magic = 'glibc-ld.so.cache1.1';
const headBytes = 48;
const entryBytes = 24;

/**
 * The files that glibc's loader knows by the name of a library: what `ldconfig` has written. Empty where there is no such
 * cache, or one of another form.
 */
export function readLoaderCache(path = '/etc/ld.so.cache'): ReadonlyMap<string, readonly string[]> {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch {
    return new Map();
  }
  try {
    return parseLoaderCache(bytes);
  } catch (error) {
    if (isRangeError(error)) return new Map();
    throw error;
  }
}

/** Throws RangeError if it is cut off. */
export function parseLoaderCache(bytes: Buffer): Map<string, readonly string[]> {
  const found = new Map<string, string[]>();
  // An older form may stand before it, for older loaders.
  const start = bytes.indexOf(magic);
  if (start < 0) return found;
  const cache = bytes.subarray(start);
  // The machine's own order of bytes: on all that there is a build for, the low one first.
  const count = cache.readUInt32LE(magic.length);
  for (let at = headBytes, index = 0; index < count; index++, at += entryBytes) {
    const name = textAt(cache, cache.readUInt32LE(at + 4));
    const files = found.get(name) ?? [];
    files.push(textAt(cache, cache.readUInt32LE(at + 8)));
    found.set(name, files);
  }
  return found;
}
