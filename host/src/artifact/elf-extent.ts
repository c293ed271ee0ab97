import { closeSync, openSync, readSync } from 'node:fs';

const loadable = 1;

/**
 * How many bytes an ELF file has to have, by its own word: its program headers, and what of it is loaded. A file that was copied only
 * in part has fewer.
 *
 * @param head its first bytes, at least as many as an ELF header has; else the answer is 0
 */
export function elfExtent(path: string, head: Buffer): number {
  if (head.length < 64) return 0;
  const is64 = head[4] === 2;
  const littleEndian = head[5] !== 2;
  const u16 = (at: number) => (littleEndian ? head.readUInt16LE(at) : head.readUInt16BE(at));
  const word = (bytes: Buffer, at: number) => {
    if (!is64) return littleEndian ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at);
    return Number(littleEndian ? bytes.readBigUInt64LE(at) : bytes.readBigUInt64BE(at));
  };
  const type = (bytes: Buffer, at: number) =>
    littleEndian ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at);
  const table = word(head, is64 ? 32 : 28);
  const size = u16(is64 ? 54 : 42);
  const count = u16(is64 ? 56 : 44);
  const end = table + size * count;
  // Of what is no table nothing can be told.
  if (count === 0 || size !== (is64 ? 56 : 32) || !Number.isSafeInteger(end)) return 0;
  const headers = end <= head.length ? head.subarray(table, end) : readAt(path, table, size * count);
  // What of them is missing does not matter any more: they end behind the file.
  const whole = Math.floor(headers.length / size);
  const ends = Array.from({ length: whole }, (_, index) => {
    const at = index * size;
    if (type(headers, at) !== loadable) return 0;
    return word(headers, at + (is64 ? 8 : 4)) + word(headers, at + (is64 ? 32 : 16));
  });
  return Math.max(end, ...ends);
}

function readAt(path: string, from: number, length: number): Buffer {
  const file = openSync(path, 'r');
  try {
    const bytes = Buffer.alloc(length);
    return bytes.subarray(0, readSync(file, bytes, 0, length, from));
  } finally {
    closeSync(file);
  }
}
