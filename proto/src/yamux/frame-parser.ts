import { type FrameHeader, FrameType, HEADER_BYTES, KNOWN_FLAGS, PROTOCOL_VERSION } from './frame';
import { protocolError } from './protocol-error';

/** Hears of each frame as it comes in. What it throws comes out of {@link FrameParser.push}. */
export interface FrameSink {
  /** A header is complete; the bytes of a data frame are still to come. */
  onHeader(header: FrameHeader): void;
  /** A piece of the current data frame, a slice of what was pushed. */
  onBody(piece: Buffer): void;
  /** The data frame is complete. Not called for other frames. */
  onBodyEnd(header: FrameHeader): void;
}

/**
 * Cuts a stream of bytes into frames. It keeps no bytes but those of an unfinished header: bodies are handed on in the
 * pieces that they come in, so that no length a peer claims costs memory.
 */
export class FrameParser {
  readonly #sink: FrameSink;
  readonly #partial = Buffer.alloc(HEADER_BYTES);
  #partialBytes = 0;
  #current: FrameHeader | undefined;
  #bodyLeft = 0;

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  /** Whether the bytes so far end within a frame. */
  get withinFrame(): boolean {
    return this.#partialBytes > 0 || this.#current !== undefined;
  }

  /** @throws PluginError MULTIPLEX_PROTOCOL, and what the sink throws; nothing may be pushed after that */
  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      at = this.#current === undefined ? this.#takeHeader(chunk, at) : this.#takeBody(chunk, at);
    }
  }

  #takeHeader(chunk: Buffer, at: number): number {
    if (this.#partialBytes === 0 && chunk.length - at >= HEADER_BYTES) {
      this.#begin(chunk, at);
      return at + HEADER_BYTES;
    }
    const taken = chunk.copy(
      this.#partial,
      this.#partialBytes,
      at,
      Math.min(chunk.length, at + HEADER_BYTES - this.#partialBytes),
    );
    this.#partialBytes += taken;
    if (this.#partialBytes === HEADER_BYTES) {
      this.#partialBytes = 0;
      this.#begin(this.#partial, 0);
    }
    return at + taken;
  }

  #begin(bytes: Buffer, at: number): void {
    const version = bytes[at];
    if (version !== PROTOCOL_VERSION) throw protocolError(`a frame has version ${version}`, { version });
    const header: FrameHeader = {
      type: bytes.readUInt8(at + 1),
      flags: bytes.readUInt16BE(at + 2),
      streamId: bytes.readUInt32BE(at + 4),
      length: bytes.readUInt32BE(at + 8),
    };
    if (header.type > FrameType.GO_AWAY)
      throw protocolError(`a frame has type ${header.type}`, { ...header });
    if ((header.flags & ~KNOWN_FLAGS) !== 0) throw protocolError('a frame has unknown flags', { ...header });
    this.#sink.onHeader(header);
    if (header.type !== FrameType.DATA) return;
    this.#current = header;
    this.#bodyLeft = header.length;
    if (header.length === 0) this.#end(header);
  }

  #takeBody(chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + this.#bodyLeft);
    this.#sink.onBody(at === 0 && end === chunk.length ? chunk : chunk.subarray(at, end));
    this.#bodyLeft -= end - at;
    if (this.#bodyLeft === 0 && this.#current !== undefined) this.#end(this.#current);
    return end;
  }

  #end(header: FrameHeader): void {
    this.#current = undefined;
    this.#sink.onBodyEnd(header);
  }
}
