import { ByteCursor } from './byte-cursor';
import { Malformed } from './malformed';

/** Blocks of LevelDB have 4 KiB and one record more. */
const largest = 64 * 1024 * 1024;

/** What was compressed with Snappy, in which LevelDB writes its blocks. Throws Malformed where it was not. */
export function unsnappy(bytes: Buffer): Buffer {
  const cursor = new ByteCursor(bytes);
  const length = cursor.varint();
  if (length > largest) throw new Malformed('it is too long');
  const out = Buffer.alloc(length);
  let end = 0;
  while (!cursor.atEnd) {
    const tag = cursor.byte();
    if ((tag & 3) === 0) {
      const literal = cursor.take(literalLength(tag >> 2, cursor));
      if (literal.length > length - end) throw new Malformed('there is more than it says');
      end += literal.copy(out, end);
    } else {
      const { count, back } = copyOf(tag, cursor);
      if (back === 0 || back > end || count > length - end)
        throw new Malformed('it repeats what is not there');
      // Byte by byte: what is repeated may overlap with itself.
      for (const stop = end + count; end < stop; end++) out[end] = out[end - back] ?? 0;
    }
  }
  if (end !== length) throw new Malformed('there is less than it says');
  return out;
}

function literalLength(coded: number, cursor: ByteCursor): number {
  return 1 + (coded < 60 ? coded : littleEndian(cursor.take(coded - 59)));
}

function copyOf(tag: number, cursor: ByteCursor): { readonly count: number; readonly back: number } {
  if ((tag & 3) === 1) return { count: 4 + ((tag >> 2) & 7), back: (tag >> 5) * 256 + cursor.byte() };
  return { count: 1 + (tag >> 2), back: littleEndian(cursor.take((tag & 3) === 2 ? 2 : 4)) };
}

function littleEndian(bytes: Buffer): number {
  return bytes.readUIntLE(0, bytes.length);
}
