import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { type Snapshot, SnapshotSpool } from '../../../host/src/state/snapshot';

let directory: string;
const spools: SnapshotSpool[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'plugd-state-'));
});

afterEach(async () => {
  for (const spool of spools.splice(0)) await spool.discard();
  rmSync(directory, { recursive: true });
});

function spoolOf(maxBytes: number, where = directory): SnapshotSpool {
  const spool = new SnapshotSpool(where, maxBytes);
  spools.push(spool);
  return spool;
}

const mebibyte = 1024 * 1024;

/** Bytes of which no two places are alike. */
function bytesOf(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at + 4 <= length; at += 4) bytes.writeUInt32LE(at, at);
  return bytes;
}

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest();

async function all(snapshot: Snapshot): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of snapshot.read()) {
    expect(piece.length).toBeGreaterThan(0);
    expect(piece.length).toBeLessThanOrEqual(64 * 1024);
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

async function kept(bytes: Buffer, chunkBytes: number): Promise<Snapshot> {
  const spool = spoolOf(bytes.length);
  for (let at = 0; at < bytes.length; at += chunkBytes)
    await spool.write(bytes.subarray(at, at + chunkBytes));
  return spool.end(3);
}

test.each([
  ['nothing', 0, 1],
  ['one byte', 1, 1],
  ['exactly one piece', 65_536, 1000],
  ['one byte more than a piece', 65_537, 65_537],
  ['as much as memory takes', mebibyte, mebibyte],
  ['one byte more', mebibyte + 1, 4096],
  ['much, in chunks of a mebibyte', 5 * mebibyte + 17, mebibyte],
  ['much, in odd chunks', 3 * mebibyte + 1, 99_991],
])('%s comes back as it was, as often as it is asked for', async (_, length, chunkBytes) => {
  const bytes = bytesOf(length);
  const snapshot = await kept(bytes, chunkBytes);
  expect([snapshot.schema, snapshot.bytes]).toEqual([3, length]);
  expect(snapshot.sha256.equals(sha256(bytes))).toBe(true);
  for (let time = 0; time < 2; time++) expect((await all(snapshot)).equals(bytes)).toBe(true);
});

test('chunks of any sizes, empty ones too, make the same snapshot', async () => {
  const sizes = fc.array(
    fc.oneof(fc.constant(0), fc.nat(100), fc.nat(200_000), fc.constantFrom(65_535, 65_536, 65_537)),
    { maxLength: 30 },
  );
  await fc.assert(
    fc.asyncProperty(sizes, async (lengths) => {
      const bytes = bytesOf(lengths.reduce((sum, length) => sum + length, 0));
      const spool = spoolOf(bytes.length);
      let at = 0;
      for (const length of lengths) {
        await spool.write(bytes.subarray(at, at + length));
        at += length;
      }
      const snapshot = await spool.end(1);
      expect(snapshot.sha256.equals(sha256(bytes))).toBe(true);
      expect((await all(snapshot)).equals(bytes)).toBe(true);
      await spool.discard();
    }),
    { numRuns: 60 },
  );
});

test('several read at a time, and one that stops early harms nobody', async () => {
  const bytes = bytesOf(2 * mebibyte + 5);
  const snapshot = await kept(bytes, 100_000);
  const stops = async () => {
    for await (const piece of snapshot.read()) return piece.length;
    return 0;
  };
  const [one, , two] = await Promise.all([all(snapshot), stops(), all(snapshot)]);
  expect(one.equals(bytes) && two.equals(bytes)).toBe(true);
});

test('writes that do not wait for each other keep their order', async () => {
  const bytes = bytesOf(3 * mebibyte);
  const spool = spoolOf(bytes.length);
  const writes: Promise<void>[] = [];
  for (let at = 0; at < bytes.length; at += 70_001) writes.push(spool.write(bytes.subarray(at, at + 70_001)));
  await Promise.all(writes);
  expect((await all(await spool.end(1))).equals(bytes)).toBe(true);
});

test('a caller may use his buffer again', async () => {
  const chunk = bytesOf(1000);
  const spool = spoolOf(1000);
  await spool.write(chunk);
  chunk.fill(0);
  expect((await all(await spool.end(1))).equals(bytesOf(1000))).toBe(true);
});

test('a small one leaves the disk alone, a large one has a file that nobody can find', async () => {
  const missing = join(directory, 'missing');
  const small = spoolOf(mebibyte, missing);
  await small.write(bytesOf(mebibyte));
  await small.end(1);
  await kept(bytesOf(4 * mebibyte), 65_536);
  expect(readdirSync(directory)).toEqual([]);
  const large = spoolOf(4 * mebibyte, missing);
  await expect(large.write(bytesOf(4 * mebibyte))).rejects.toMatchObject({ code: 'ENOENT' });
  await expect(large.write(bytesOf(1))).rejects.toThrow('refused');
  await expect(large.end(1)).rejects.toThrow('refused');
});

test('what is beyond the limit is refused, and nothing after it is taken', async () => {
  const spool = spoolOf(100);
  await spool.write(bytesOf(100));
  await expect(spool.write(bytesOf(1))).rejects.toThrow(RangeError);
  expect(spool.bytes).toBe(100);
  await expect(spool.write(Buffer.alloc(0))).rejects.toThrow('refused');
  await expect(spool.end(1)).rejects.toThrow('refused');
});

test.each([
  ['in memory', 200_000],
  ['in a file', 3 * mebibyte],
])('a reader of one that is discarded %s gets an error, not an end', async (_, length) => {
  const spool = spoolOf(length);
  await spool.write(bytesOf(length));
  const snapshot = await spool.end(1);
  const reader = snapshot.read()[Symbol.asyncIterator]();
  await reader.next();
  await spool.discard();
  await spool.discard();
  await expect(reader.next()).rejects.toThrow('discarded');
  await expect(all(snapshot)).rejects.toThrow('discarded');
  await expect(spool.write(bytesOf(1))).rejects.toThrow('discarded');
});

test('discarding while the file is being opened leaves no file and no descriptor', async () => {
  const spool = spoolOf(4 * mebibyte);
  const write = spool.write(bytesOf(4 * mebibyte));
  const discarded = spool.discard();
  await expect(write).rejects.toThrow();
  await discarded;
  expect(readdirSync(directory)).toEqual([]);
  await expect(spool.end(1)).rejects.toThrow('discarded');
});
