import { storedSum } from './crc32c';

/*
 * A log is blocks of 32 KiB. In these are pieces, each with a checksum, a length and whether it is a record or a first, middle
 * or last part of one; where a header has no room left, the block ends with zeros.
 * https://github.com/google/leveldb/blob/main/doc/log_format.md
 */

const blockLength = 32 * 1024;
const headerLength = 7;
const [full, first, , last] = [1, 2, 3, 4];

export interface Log {
  /** All sums are right. That it is cut off, as by a kill or a loss of power, does not count. */
  readonly whole: boolean;
  readonly records: readonly Buffer[];
}

/** Whatever the bytes are, this ends and does not throw. */
export function readLog(bytes: Buffer): Log {
  const records: Buffer[] = [];
  let whole = true;
  /** Those of a record that has no last one yet. */
  let parts: Buffer[] = [];
  for (let start = 0; start < bytes.length; start += blockLength) {
    const block = bytes.subarray(start, start + blockLength);
    let place = 0;
    while (place + headerLength <= block.length) {
      const piece = pieceAt(block, place);
      if (piece === undefined) {
        if (!endsAt(bytes, start, place)) whole = false;
        parts = [];
        break;
      }
      place += headerLength + piece.contents.length;
      const begins = piece.type === full || piece.type === first;
      if (begins === parts.length > 0) {
        // A part is missing.
        whole = false;
        parts = [];
        if (!begins) continue;
      }
      parts.push(piece.contents);
      if (piece.type !== full && piece.type !== last) continue;
      records.push(Buffer.concat(parts));
      parts = [];
    }
  }
  return { whole, records };
}

interface Piece {
  readonly type: number;
  readonly contents: Buffer;
}

/** Undefined: there is none, or its sum is wrong. */
function pieceAt(block: Buffer, place: number): Piece | undefined {
  const type = block.readUInt8(place + 6);
  const end = place + headerLength + block.readUInt16LE(place + 4);
  if (type < 1 || type > 4 || end > block.length) return undefined;
  if (storedSum(block.subarray(place + 6, end)) !== block.readUInt32LE(place)) return undefined;
  return { type, contents: block.subarray(place + headerLength, end) };
}

/**
 * Whether nothing was written behind that place of a block, but what was being written when its host ended. LevelDB takes a
 * length that goes beyond the end for this, also where a bit of it is another and the next piece stands there whole.
 */
function endsAt(log: Buffer, start: number, place: number): boolean {
  const rest = log.subarray(start + place);
  if (rest.every((byte) => byte === 0)) return true;
  if (log.length >= start + blockLength || headerLength + rest.readUInt16LE(4) <= rest.length) return false;
  // The last piece is all there, but for its length, which the sum does not count.
  if (storedSum(rest.subarray(6)) === rest.readUInt32LE()) return false;
  for (let next = 1; next + headerLength <= rest.length; next++)
    if (pieceAt(rest, next) !== undefined) return false;
  return true;
}
