/** The beginning of a file with a code cache: runs the code below it, from the cache where that fits. */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { CACHE_SUFFIX, compile, DIGEST_BYTES, payloadOf } from './payload';

// Set when the file is built.
declare const PLUGD_SEAM: string;
declare const PLUGD_CACHE_SHA256: string;

type Run = (...scope: readonly unknown[]) => void;

export function start(...scope: readonly unknown[]): void {
  const payload = payloadOf(fs.readFileSync(__filename, 'utf8'), PLUGD_SEAM);
  const run = compile(payload, __filename, fittingCache(payload)).runInThisContext() as Run;
  run(...scope);
}

/**
 * A cache is code. So this file names the one that was made with it: who has checked the file has checked both, and
 * another cache is not taken. V8 compares only the code's length; that it is the same code is ours to see.
 */
function fittingCache(payload: string): Buffer | undefined {
  let cache: Buffer;
  try {
    cache = fs.readFileSync(__filename + CACHE_SUFFIX);
  } catch {
    return undefined;
  }
  if (sha256(cache).toString('hex') !== PLUGD_CACHE_SHA256) return undefined;
  return sha256(payload).equals(cache.subarray(0, DIGEST_BYTES)) ? cache.subarray(DIGEST_BYTES) : undefined;
}

function sha256(data: string | Buffer): Buffer {
  return createHash('sha256').update(data).digest();
}
