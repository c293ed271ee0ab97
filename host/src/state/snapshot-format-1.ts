import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import type { SealedSnapshot } from './sealed-snapshot';
import type { Snapshot } from './snapshot';
import { SnapshotDamaged } from './snapshot-damaged';
import { type KeptSnapshot, parseRecord, recordText } from './snapshot-record';

/*
 * prefix        10 bytes   see snapshot-file.ts
 * salt          32 bytes   the file's own key is HKDF-SHA256(key, salt, info), so that a nonce is used once with a key
 * record bytes  4 bytes    big endian
 * record        sealed     JSON
 * content       sealed     in chunks of 64 KiB, the last one shorter; one empty chunk if there is none
 *
 * Sealed: AES-256-GCM, the tag of 16 bytes behind it. What stands before the record is authenticated with each. The nonce is
 * the place (0 the record, then 1, 2, …; 4 bytes big endian from byte 7 on), and in its last byte 1 for the last one: nothing
 * can be cut off, moved, or put in from another file.
 */
const info = 'plugd snapshot 1';
const saltBytes = 32;
const tagBytes = 16;
const chunkBytes = 64 * 1024;
const longestRecord = 64 * 1024;

class Seal {
  readonly #key: Buffer;
  readonly #header: Buffer;

  constructor(key: Buffer, salt: Buffer, header: Buffer) {
    this.#key = Buffer.from(hkdfSync('sha256', key, salt, info, 32));
    this.#header = header;
  }

  close(plain: Buffer, place: number, last: boolean): Buffer {
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonce(place, last)).setAAD(this.#header);
    return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  }

  open(sealed: Buffer, place: number, last: boolean): Buffer {
    const decipher = createDecipheriv('aes-256-gcm', this.#key, nonce(place, last), {
      authTagLength: tagBytes,
    }).setAAD(this.#header);
    decipher.setAuthTag(sealed.subarray(sealed.length - tagBytes));
    const plain = decipher.update(sealed.subarray(0, sealed.length - tagBytes));
    try {
      decipher.final();
    } catch {
      throw new SnapshotDamaged(
        place === 0
          ? 'its record was changed, or encrypted with another key'
          : `its piece ${place} was changed`,
      );
    }
    return plain;
  }
}

function nonce(place: number, last: boolean): Buffer {
  const bytes = Buffer.alloc(12);
  bytes.writeUInt32BE(place, 7);
  bytes.writeUInt8(last ? 1 : 0, 11);
  return bytes;
}

const chunksOf = (bytes: number) => Math.max(1, Math.ceil(bytes / chunkBytes));

export async function writeFormat1(
  file: FileHandle,
  prefix: Buffer,
  key: Buffer,
  record: KeptSnapshot,
  snapshot: Snapshot,
): Promise<void> {
  const plain = Buffer.from(recordText(record));
  if (plain.length > longestRecord) throw new SnapshotDamaged(`its record has ${plain.length} bytes`);
  const salt = randomBytes(saltBytes);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(plain.length);
  const header = Buffer.concat([prefix, salt, length]);
  const seal = new Seal(key, salt, header);
  const beginning = Buffer.concat([header, seal.close(plain, 0, false)]);
  const last = chunksOf(record.bytes);
  const digest = createHash('sha256');
  let place = 0;
  let bytes = 0;
  for await (const chunk of inChunks(snapshot.read())) {
    place += 1;
    bytes += chunk.length;
    if (place > last) break;
    digest.update(chunk);
    const sealed = seal.close(chunk, place, place === last);
    // There is always a first one. A small state takes one write.
    await file.appendFile(place === 1 ? Buffer.concat([beginning, sealed]) : sealed);
  }
  if (bytes !== record.bytes || digest.digest('hex') !== record.sha256) {
    throw new SnapshotDamaged('its size or digest is not the one that it says');
  }
}

/** The same bytes in chunks of which each but the last is full; one empty chunk if there are none. */
async function* inChunks(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, undefined> {
  const chunk = Buffer.allocUnsafeSlow(chunkBytes);
  let filled = 0;
  let any = false;
  for await (const piece of pieces) {
    for (let from = 0; from < piece.length; ) {
      if (filled === chunkBytes) {
        yield chunk;
        filled = 0;
        any = true;
      }
      const copied = piece.copy(chunk, filled, from);
      filled += copied;
      from += copied;
    }
  }
  if (filled > 0 || !any) yield chunk.subarray(0, filled);
}

export async function readFormat1(file: FileHandle, prefix: Buffer, key: Buffer): Promise<SealedSnapshot> {
  const rest = await readExactly(file, prefix.length, saltBytes + 4);
  const header = Buffer.concat([prefix, rest]);
  const recordBytes = rest.readUInt32BE(saltBytes);
  if (recordBytes > longestRecord) throw new SnapshotDamaged('its record has no possible length');
  const seal = new Seal(key, rest.subarray(0, saltBytes), header);
  const text = seal.open(await readExactly(file, header.length, recordBytes + tagBytes), 0, false);
  const record = parseRecord(text.toString());
  if (record === undefined) throw new SnapshotDamaged('its record is unreadable');
  const contentAt = header.length + recordBytes + tagBytes;
  const { size } = await file.stat();
  if (size !== contentAt + record.bytes + chunksOf(record.bytes) * tagBytes) {
    throw new SnapshotDamaged('it is not as long as it was');
  }
  return { record, content: () => contentOf(file, seal, record, contentAt) };
}

async function* contentOf(
  file: FileHandle,
  seal: Seal,
  { bytes, sha256 }: KeptSnapshot,
  contentAt: number,
): AsyncGenerator<Buffer, void, undefined> {
  const last = chunksOf(bytes);
  const digest = createHash('sha256');
  let at = contentAt;
  for (let place = 1; place <= last; place++) {
    const length = (place < last ? chunkBytes : bytes - (last - 1) * chunkBytes) + tagBytes;
    const plain = seal.open(await readExactly(file, at, length), place, place === last);
    at += length;
    digest.update(plain);
    if (place === last && digest.digest('hex') !== sha256) {
      throw new SnapshotDamaged('its digest is another one');
    }
    if (plain.length > 0) yield plain;
  }
}

async function readExactly(file: FileHandle, at: number, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafeSlow(length);
  for (let read = 0; read < length; ) {
    const { bytesRead } = await file.read(buffer, read, length - read, at + read);
    if (bytesRead === 0) throw new SnapshotDamaged('it ends too early');
    read += bytesRead;
  }
  return buffer;
}
