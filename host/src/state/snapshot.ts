import { createHash, randomUUID } from 'node:crypto';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** Up to here a snapshot is kept in memory; what is larger goes to a file. */
const inMemoryBytes = 1024 * 1024;
const readBytes = 64 * 1024;

/** What a plugin's state was at one moment, as the plugin wrote it. Nobody but a plugin knows what the bytes mean. */
export interface Snapshot {
  /** The number of the schema that the bytes are in. */
  readonly schema: number;
  readonly bytes: number;
  /** Of all bytes. */
  readonly sha256: Buffer;
  /** The bytes in their order, in pieces of at most 64 KiB; may be asked for again. */
  read(): AsyncIterable<Buffer>;
}

/** A snapshot that waits for nothing but its end. */
export class SnapshotSpool {
  readonly #directory: string;
  readonly #maxBytes: number;
  readonly #hash = createHash('sha256');
  #chunks: Buffer[] = [];
  #file: FileHandle | undefined;
  #path: string | undefined;
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

  /** Throws RangeError beyond the limit. */
  async write(chunk: Buffer): Promise<void> {
    this.#bytes += chunk.length;
    if (this.#bytes > this.#maxBytes) throw new RangeError(`more than ${this.#maxBytes} bytes`);
    this.#hash.update(chunk);
    if (this.#file === undefined && this.#bytes <= inMemoryBytes) {
      this.#chunks.push(chunk);
      return;
    }
    this.#file ??= await this.#open();
    for (const earlier of this.#chunks.splice(0)) await this.#file.appendFile(earlier);
    await this.#file.appendFile(chunk);
  }

  /** All has been written. The snapshot lives until {@link discard}. */
  async end(schema: number): Promise<Snapshot> {
    await this.#file?.close();
    this.#file = undefined;
    const [bytes, sha256, path] = [this.#bytes, this.#hash.digest(), this.#path];
    const chunks = this.#chunks;
    return { schema, bytes, sha256, read: () => (path === undefined ? inPieces(chunks) : fromFile(path)) };
  }

  /** Removes what it keeps. May be called at any time, and again. */
  async discard(): Promise<void> {
    this.#chunks = [];
    await this.#file?.close().catch(() => {});
    this.#file = undefined;
    if (this.#path !== undefined) await rm(this.#path, { force: true });
  }

  async #open(): Promise<FileHandle> {
    this.#path = join(this.#directory, `snapshot-${randomUUID()}`);
    return open(this.#path, 'wx+', 0o600);
  }
}

async function* inPieces(chunks: readonly Buffer[]): AsyncGenerator<Buffer, void, undefined> {
  for (const chunk of chunks) {
    for (let from = 0; from < chunk.length; from += readBytes) yield chunk.subarray(from, from + readBytes);
  }
}

async function* fromFile(path: string): AsyncGenerator<Buffer, void, undefined> {
  const file = await open(path, 'r');
  try {
    for await (const chunk of file.createReadStream({ highWaterMark: readBytes, autoClose: false })) {
      yield Buffer.from(chunk);
    }
  } finally {
    await file.close();
  }
}
