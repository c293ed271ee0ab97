import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { toBytes } from './printed';
import type { StdioHub } from './stdio-hub';

type Callback = (error: Error | null, written: number, data: unknown) => void;

/**
 * Makes `fs.write` and `fs.writeSync` on descriptor 1 print into the hub. Loggers such as pino write there
 * without asking `process.stdout`; one line of theirs before the handshake would be taken for it.
 */
export function divertDescriptor(hub: StdioHub): void {
  const { write, writeSync } = fs;
  const print = (data: unknown, rest: readonly unknown[]): number => {
    const bytes = slice(data, rest);
    hub.write('stdout', bytes);
    return bytes.length;
  };
  const replacements = {
    writeSync: (fd: number, data: unknown, ...rest: unknown[]): unknown =>
      fd === 1 ? print(data, rest) : Reflect.apply(writeSync, fs, [fd, data, ...rest]),
    write: (fd: number, data: unknown, ...rest: unknown[]): unknown => {
      const callback = rest.at(-1);
      if (fd !== 1 || typeof callback !== 'function') return Reflect.apply(write, fs, [fd, data, ...rest]);
      const written = print(data, rest.slice(0, -1));
      process.nextTick(() => (callback as Callback)(null, written, data));
      return undefined;
    },
  };
  // What promisify and others look for on the originals.
  Object.defineProperties(replacements.write, Object.getOwnPropertyDescriptors(write));
  Object.assign(fs, replacements);
  // Modules that import them by name would else keep the originals.
  syncBuiltinESMExports();
}

/** The bytes that a write means: `(string, position?, encoding?)`, `(buffer, offset?, length?)` or `(buffer, { offset, length })`. */
function slice(data: unknown, rest: readonly unknown[]): Uint8Array {
  if (typeof data === 'string') return toBytes(data, rest[1]);
  const bytes = toBytes(data);
  const [first, second] = rest;
  const named =
    typeof first === 'object' && first !== null
      ? (first as { offset?: unknown; length?: unknown })
      : undefined;
  const offset = toCount(named === undefined ? first : named.offset) ?? 0;
  const length = toCount(named === undefined ? second : named.length) ?? bytes.length - offset;
  return bytes.subarray(offset, offset + length);
}

const toCount = (value: unknown): number | undefined => (typeof value === 'number' ? value : undefined);
