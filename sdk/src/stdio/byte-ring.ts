const BLOCK_BYTES = 16 * 1024;

/** A run of bytes inside a larger buffer; `age` tells which of two rings has the older one. */
interface Block {
  readonly buffer: Buffer;
  readonly start: number;
  readonly age: number;
  end: number;
}

/**
 * Bytes in the order in which they came, at most `limitBytes` of them: what is too much pushes the oldest out.
 *
 * Small writes share a block, so that a million prints of one byte take no more memory than one print of a
 * million bytes.
 */
export class ByteRing {
  readonly #limitBytes: number;
  readonly #blocks: Block[] = [];
  #length = 0;
  #pushed = 0;
  #dropped = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = Math.max(limitBytes, BLOCK_BYTES);
  }

  /** Bytes that wait. */
  get length(): number {
    return this.#length;
  }

  /** Bytes that ever came in. */
  get pushed(): number {
    return this.#pushed;
  }

  /** Bytes that were pushed out before anybody took them. */
  get dropped(): number {
    return this.#dropped;
  }

  /** The age given with the oldest bytes, or Infinity when there are none. */
  get age(): number {
    return this.#length === 0 ? Number.POSITIVE_INFINITY : (this.#blocks[0]?.age ?? Number.POSITIVE_INFINITY);
  }

  /** Copies the bytes: their owner may reuse them. */
  push(bytes: Uint8Array, age = 0): void {
    this.#pushed += bytes.length;
    const surplus = Math.max(0, bytes.length - this.#limitBytes);
    this.#dropped += surplus;
    for (let at = surplus; at < bytes.length; ) {
      const block = this.#writable(age);
      const count = Math.min(block.buffer.length - block.end, bytes.length - at);
      block.buffer.set(bytes.subarray(at, at + count), block.end);
      block.end += count;
      at += count;
      this.#length += count;
    }
    while (this.#length > this.#limitBytes) {
      this.#dropped += this.shift()?.length ?? 0;
    }
  }

  /** Takes the oldest run of bytes, at most 16 KiB. */
  shift(): Buffer | undefined {
    const block = this.#blocks.shift();
    if (block === undefined) return undefined;
    const bytes = block.buffer.subarray(block.start, block.end);
    this.#length -= bytes.length;
    if (this.#blocks.length === 0 && block.end < block.buffer.length) {
      // What is left of the last buffer takes the next bytes: a print taken at once costs no new buffer.
      this.#blocks.push({ buffer: block.buffer, start: block.end, end: block.end, age: block.age });
    }
    return bytes.length === 0 ? undefined : bytes;
  }

  #writable(age: number): Block {
    const last = this.#blocks.at(-1);
    if (last !== undefined && last.end < last.buffer.length) {
      if (last.end > last.start) return last;
      const fresh = { buffer: last.buffer, start: last.start, end: last.end, age };
      this.#blocks[this.#blocks.length - 1] = fresh;
      return fresh;
    }
    const block = { buffer: Buffer.allocUnsafeSlow(BLOCK_BYTES), start: 0, end: 0, age };
    this.#blocks.push(block);
    return block;
  }
}
