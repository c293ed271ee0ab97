import { ByteCursor } from './byte-cursor';
import { storedSum } from './crc32c';
import { Malformed, unlessMalformed } from './malformed';
import { unsnappy } from './snappy';

/*
 * A table is: blocks of entries; a block with the place of a filter; an index, with a key and the place of each block; and 48
 * bytes with the places of these two and a magic number. Behind each block stand its kind of compression and its checksum.
 * https://github.com/google/leveldb/blob/main/doc/table_format.md
 */

const footerLength = 48;
const magic = 0xdb4775248b80fb57n;

export interface TableEntry {
  /** The record's key and 8 bytes, in which are its number and whether it is one. */
  readonly key: Buffer;
  readonly value: Buffer;
}

export interface Table {
  /** All sums are right. */
  readonly whole: boolean;
  /** What stands in the blocks whose sums are right, in the order of the keys. */
  readonly blocks: readonly (() => TableEntry[])[];
}

const nothing: Table = { whole: false, blocks: [] };

/** Whatever the bytes are, this ends and does not throw. */
export function readTable(bytes: Buffer): Table {
  return unlessMalformed(() => parse(bytes)) ?? nothing;
}

function parse(bytes: Buffer): Table {
  if (bytes.length < footerLength) return nothing;
  const footer = bytes.subarray(bytes.length - footerLength);
  if (footer.readBigUInt64LE(footerLength - 8) !== magic) return nothing;
  const places = new ByteCursor(footer);
  const names = blockAt(bytes, places);
  const index = blockAt(bytes, places);
  if (index === undefined) return nothing;
  const filters = names === undefined ? [undefined] : entriesOf(names).map((entry) => at(bytes, entry));
  const blocks = entriesOf(index).map((entry) => at(bytes, entry));
  return {
    whole: [...filters, ...blocks].every((block) => block !== undefined),
    blocks: blocks.flatMap((block) => (block === undefined ? [] : [() => entriesOf(block)])),
  };
}

interface Block {
  readonly contents: Buffer;
  readonly compression: number;
}

function at(table: Buffer, { value }: TableEntry): Block | undefined {
  return blockAt(table, new ByteCursor(value));
}

/** The one whose place the cursor reads. Undefined: its sum is wrong. */
function blockAt(table: Buffer, place: ByteCursor): Block | undefined {
  const offset = place.varint();
  const size = place.varint();
  if (offset + size + 5 > table.length) return undefined;
  const end = offset + size;
  if (storedSum(table.subarray(offset, end + 1)) !== table.readUInt32LE(end + 1)) return undefined;
  return { contents: table.subarray(offset, end), compression: table.readUInt8(end) };
}

/** Throws Malformed where there are none. */
function entriesOf({ contents, compression }: Block): TableEntry[] {
  if (compression > 1) throw new Malformed('it is compressed in another way');
  const block = compression === 1 ? unsnappy(contents) : contents;
  if (block.length < 4) throw new Malformed('it has no end');
  // Behind the entries stand the places where a key is whole, each in 4 bytes, and how many there are.
  const restarts = block.readUInt32LE(block.length - 4);
  const cursor = new ByteCursor(new ByteCursor(block).take(Math.max(0, block.length - 4 - 4 * restarts)));
  const entries: TableEntry[] = [];
  let last = Buffer.alloc(0);
  while (!cursor.atEnd) {
    const shared = cursor.varint();
    const rest = cursor.varint();
    const length = cursor.varint();
    if (shared > last.length) throw new Malformed('the key before it is shorter');
    last = Buffer.concat([last.subarray(0, shared), cursor.take(rest)]);
    entries.push({ key: last, value: cursor.take(length) });
  }
  return entries;
}
