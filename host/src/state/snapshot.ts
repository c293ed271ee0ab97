import { createHash, randomUUID } from 'node:crypto';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** Up to here a snapshot is kept in memory; what is larger goes to a file. */
const inMemoryBytes = 1024 * 1024;
const pieceBytes = 64 * 1024;

/** What a plugin's state was at one moment, as the plugin wrote it. Nobody but a plugin knows what the bytes mean. */
export interface Snapshot {
  /** The number of the schema that the bytes are in. */
  readonly schema: number;
  readonly bytes: number;
  /** Of all bytes. */
  readonly sha256: Buffer;
  /**
   * The bytes in their order, in pieces of at most 64 KiB, none empty and none to be changed; may be asked for again, and
   * by several at a time. Throws where it can't give all of them.
   */
  read(): AsyncIterable<Buffer>;
}

/**
 * Takes a snapshot in, and keeps it until it is discarded. What it keeps in a file has no name there, so that nothing is
 * left behind even by a host that is killed; on Windows the name goes with the host.
 */
export class SnapshotSpool {
  readonly #directory: string;
  readonly #maxBytes: number;
  readonly #hash = createHash('sha256');
  #state: 'open' | 'refused' | 'ended' | 'discarded' = 'open';
  /** All of a small snapshot; of a large one what is not in the file yet. Each is filled before the next is begun. */
  #pieces: Piece[] = [];
  #file: Promise<FileHandle> | undefined;
  #inFile = 0;
  #bytes = 0;

  /**
   * @param directory private to the host: for what is too large for memory
   * @param maxBytes more is refused
   */
  constructor(directory: string, maxBytes: number) {
    this.#directory = directory;
    this.#maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /**
   * The chunk is copied. Throws RangeError beyond the limit, and where the file can't be written what the file system says;
   * after either there is nothing to do but to discard.
   */
  async write(chunk: Buffer): Promise<void> {
    this.#expectOpen();
    if (this.#bytes + chunk.length > this.#maxBytes) {
      this.#state = 'refused';
      throw new RangeError(`more than ${this.#maxBytes} bytes`);
    }
    this.#bytes += chunk.length;
    this.#hash.update(chunk);
    this.#take(chunk);
    if (this.#bytes > inMemoryBytes) await this.#spill(this.#pieces.length - 1);
  }

  /** All has been written. The snapshot can be read until {@link discard}. */
  async end(schema: number): Promise<Snapshot> {
    this.#expectOpen();
    this.#state = 'ended';
    const sha256 = this.#hash.digest();
    if (this.#file !== undefined) await this.#spill(this.#pieces.length);
    return { schema, bytes: this.#bytes, sha256, read: () => this.#read() };
  }

  /** Gives up what it keeps: whoever still reads gets an error. May be called at any time, and again. */
  async discard(): Promise<void> {
    this.#state = 'discarded';
    this.#pieces = [];
    const file = this.#file;
    this.#file = undefined;
    await file?.then(
      (handle) => handle.close(),
      () => {},
    );
  }

  #expectOpen(): void {
    if (this.#state !== 'open') throw new Error(`the snapshot is ${this.#state}: nothing can be added`);
  }

  /** Many small chunks must not take more memory than a few large ones. */
  #take(chunk: Buffer): void {
    for (let from = 0; from < chunk.length; ) {
      let last = this.#pieces.at(-1);
      if (last === undefined || last.length === pieceBytes) {
        last = { bytes: Buffer.allocUnsafeSlow(pieceBytes), length: 0 };
        this.#pieces.push(last);
      }
      const copied = chunk.copy(last.bytes, last.length, from);
      last.length += copied;
      from += copied;
    }
  }

  /** Moves that many pieces into the file. Each has its place before the first wait: the order is that of the calls. */
  async #spill(count: number): Promise<void> {
    const writes = this.#pieces.splice(0, count).map((piece) => {
      const at = this.#inFile;
      this.#inFile += piece.length;
      return { piece, at };
    });
    this.#file ??= this.#open();
    try {
      const file = await this.#file;
      for (const { piece, at } of writes) await writeAll(file, piece, at);
    } catch (error) {
      if (this.#state !== 'discarded') this.#state = 'refused';
      throw error;
    }
  }

  async #open(): Promise<FileHandle> {
    const path = join(this.#directory, `snapshot-${randomUUID()}`);
    const file = await open(path, 'wx+', 0o600);
    try {
      await rm(path);
    } catch (error) {
      await file.close();
      throw error;
    }
    return file;
  }

  async *#read(): AsyncGenerator<Buffer, void, undefined> {
    const file = await this.#file;
    let at = 0;
    while (at < this.#bytes) {
      if (this.#state !== 'ended') throw new Error('the snapshot was discarded');
      const piece = file === undefined ? this.#inMemory(at) : await readPiece(file, at, this.#bytes);
      at += piece.length;
      yield piece;
    }
  }

  #inMemory(at: number): Buffer {
    const piece = this.#pieces[at / pieceBytes];
    if (piece === undefined) throw new Error('the snapshot was discarded');
    return piece.bytes.subarray(0, piece.length);
  }
}

interface Piece {
  readonly bytes: Buffer;
  /** How much of it is filled. */
  length: number;
}

async function writeAll(file: FileHandle, { bytes, length }: Piece, at: number): Promise<void> {
  for (let from = 0; from < length; ) {
    from += (await file.write(bytes, from, length - from, at + from)).bytesWritten;
  }
}

async function readPiece(file: FileHandle, at: number, end: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafeSlow(Math.min(pieceBytes, end - at));
  const { bytesRead } = await file.read(buffer, 0, buffer.length, at);
  if (bytesRead === 0) throw new Error('the file of the snapshot is too short');
  return buffer.subarray(0, bytesRead);
}
