import { promisify } from 'node:util';
import { gunzip, inflate } from 'node:zlib';
import { status } from '@grpc/grpc-js';
import { isSystemError } from '../artifact/system-error';

/** The bytes of a request as a reader needs them: an `Http2Stream`, of which tests need not have one. */
export interface ByteSource {
  on(event: 'data', listener: (chunk: Buffer) => void): unknown;
  on(event: 'end', listener: () => void): unknown;
  pause(): unknown;
  resume(): unknown;
}

/** What a reader tells. Nothing follows after `onBad` and `onEnd`. */
export interface MessageListener {
  onMessage(message: Buffer): void;
  /** The caller has sent all that it will. */
  onEnd(): void;
  /** What came can't be taken. */
  onBad(code: status, details: string): void;
}

/** How much of messages that nobody has asked for yet is taken from a connection. */
const aheadBytes = 16 * 1024;
const headerBytes = 5;
/** Below this chunks are copied together. */
const smallBytes = 4 * 1024;
const roomBytes = 64 * 1024;

const decompressions: Readonly<
  Record<string, (bytes: Buffer, limits: { maxOutputLength: number }) => Promise<Buffer>>
> = { gzip: promisify(gunzip), deflate: promisify(inflate) };

/**
 * Takes a request apart into messages, one for each {@link startRead}: what nobody asks for stays with its sender, but
 * for a little.
 */
export class MessageReader {
  readonly #source: ByteSource;
  readonly #maxBytes: number;
  readonly #encoding: string;
  #listener: MessageListener | undefined;
  #chunks: Buffer[] = [];
  #length = 0;
  /** What the last chunk is a part of, where more has room behind it. */
  #room: { readonly bytes: Buffer; end: number } | undefined;
  /** Of the message that has begun; undefined between two. */
  #begun: { readonly compressed: boolean; readonly bytes: number } | undefined;
  #wanted = false;
  #decompressing = false;
  #sourceEnded = false;
  #settling = false;
  #done = false;

  /** @param encoding what `grpc-encoding` says of compressed messages; by default there must be none */
  constructor(source: ByteSource, maxBytes: number, encoding = 'identity') {
    this.#source = source;
    this.#maxBytes = maxBytes;
    this.#encoding = encoding;
  }

  listen(listener: MessageListener): void {
    this.#listener = listener;
    this.#source.on('data', (chunk) => {
      if (this.#done) return;
      this.#keep(chunk);
      this.#settle();
    });
    this.#source.on('end', () => {
      this.#sourceEnded = true;
      this.#settle();
    });
  }

  /** A frame may hold a single byte, and each buffer costs a hundred: small ones that have to wait are kept together. */
  #keep(chunk: Buffer): void {
    this.#length += chunk.length;
    const last = this.#chunks.at(-1);
    if (last === undefined || chunk.length >= smallBytes) {
      this.#chunks.push(chunk);
      this.#room = undefined;
      return;
    }
    if (this.#room !== undefined && chunk.length <= this.#room.bytes.length - this.#room.end) {
      const { bytes, end } = this.#room;
      this.#room.end += chunk.copy(bytes, end);
      // Of what came before in these bytes some may have been told already.
      this.#chunks[this.#chunks.length - 1] = bytes.subarray(end - last.length, this.#room.end);
      return;
    }
    const most = Math.min(2 * (this.#room?.bytes.length ?? 0), roomBytes);
    const bytes = Buffer.allocUnsafeSlow(Math.max(most, smallBytes));
    this.#room = { bytes, end: chunk.copy(bytes) };
    this.#chunks.push(bytes.subarray(0, chunk.length));
  }

  /** Asks for the next message. */
  startRead(): void {
    this.#wanted = true;
    this.#settle();
  }

  /** No more is asked for: what still comes is thrown away. */
  discard(): void {
    this.#done = true;
    this.#chunks = [];
    this.#room = undefined;
    this.#length = 0;
    this.#source.resume();
  }

  /** Whether all of the request has come. */
  get ended(): boolean {
    return this.#sourceEnded;
  }

  /** Does what can be done, in a loop: a listener may ask for the next message while it is told of one. */
  #settle(): void {
    if (this.#settling) return;
    this.#settling = true;
    try {
      while (this.#step());
    } finally {
      this.#settling = false;
    }
  }

  /** Whether there may be more to do. */
  #step(): boolean {
    if (this.#done || this.#decompressing || !this.#begin()) return false;
    const whole = this.#begun !== undefined && this.#length >= this.#begun.bytes;
    if (whole && this.#wanted) {
      this.#take();
      // The end may have come with the message: it need not be asked for.
      return true;
    }
    if (this.#sourceEnded && !whole) this.#end();
    else if (whole || (!this.#wanted && this.#length > aheadBytes)) this.#source.pause();
    else this.#source.resume();
    return false;
  }

  /** Reads the length of the next message, where it has come. False: it is too long, or no length. */
  #begin(): boolean {
    if (this.#begun !== undefined || this.#length < headerBytes) return true;
    const header = this.#cut(headerBytes);
    const flag = header.readUInt8(0);
    const bytes = header.readUInt32BE(1);
    if (flag > 1) return this.#refuse(status.INTERNAL, `A message begins with ${flag}, which is no flag`);
    if (bytes > this.#maxBytes)
      return this.#refuse(...tooLarge(`A message of ${bytes} bytes`, this.#maxBytes));
    this.#begun = { compressed: flag === 1, bytes };
    return true;
  }

  #take(): void {
    const begun = this.#begun;
    if (begun === undefined) return;
    this.#begun = undefined;
    const message = this.#cut(begun.bytes);
    if (begun.compressed) void this.#decompress(message);
    else this.#tell(message);
  }

  #tell(message: Buffer): void {
    this.#wanted = false;
    this.#listener?.onMessage(message);
  }

  async #decompress(message: Buffer): Promise<void> {
    const decompression = decompressions[this.#encoding];
    if (decompression === undefined) {
      if (this.#encoding === 'identity') this.#refuse(status.INTERNAL, 'A message is compressed by nothing');
      else this.#refuse(status.UNIMPLEMENTED, 'Messages may be compressed by gzip or deflate alone');
      return;
    }
    this.#decompressing = true;
    this.#source.pause();
    try {
      const whole = await decompression(message, { maxOutputLength: Math.max(1, this.#maxBytes) });
      this.#decompressing = false;
      if (!this.#done) this.#tell(whole);
      this.#settle();
    } catch (error) {
      this.#decompressing = false;
      if (isSystemError(error, 'ERR_BUFFER_TOO_LARGE'))
        this.#refuse(...tooLarge('A decompressed message', this.#maxBytes));
      else this.#refuse(status.INTERNAL, 'A message could not be decompressed');
    }
  }

  #end(): void {
    if (this.#length > 0 || this.#begun !== undefined) {
      this.#refuse(status.INTERNAL, 'The request ends in the middle of a message');
      return;
    }
    this.#done = true;
    this.#listener?.onEnd();
  }

  #refuse(code: status, details: string): false {
    if (!this.#done) {
      this.discard();
      this.#listener?.onBad(code, details);
    }
    return false;
  }

  #cut(bytes: number): Buffer {
    const [first] = this.#chunks;
    let all = first ?? Buffer.alloc(0);
    if (all.length < bytes) {
      all = Buffer.concat(this.#chunks, this.#length);
      this.#chunks = [all];
      this.#room = undefined;
    }
    if (all.length === bytes) this.#chunks.shift();
    else this.#chunks[0] = all.subarray(bytes);
    this.#length -= bytes;
    return all.subarray(0, bytes);
  }
}

function tooLarge(what: string, maxBytes: number): [code: status, details: string] {
  return [status.RESOURCE_EXHAUSTED, `${what} is larger than the ${maxBytes} bytes that are taken`];
}
