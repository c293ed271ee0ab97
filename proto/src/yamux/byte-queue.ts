const SMALL_BYTES = 1024;
const SLAB_BYTES = 8 * 1024;

interface Slab {
  readonly bytes: Buffer;
  used: number;
}

/**
 * Bytes that wait for their reader, in the pieces that they came in. Only small pieces that wait behind others are copied
 * together: else a peer that sends one byte a frame would make a window of 256 KiB cost a hundred times that.
 */
export class ByteQueue {
  readonly #pieces: (Buffer | Slab)[] = [];
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  add(piece: Buffer): void {
    this.#bytes += piece.length;
    if (piece.length >= SMALL_BYTES) {
      this.#pieces.push(piece);
      return;
    }
    const last = this.#pieces.at(-1);
    if (last !== undefined && !Buffer.isBuffer(last) && last.used + piece.length <= SLAB_BYTES) {
      last.used += piece.copy(last.bytes, last.used);
    } else if (last === undefined) {
      this.#pieces.push(piece);
    } else {
      const slab = { bytes: Buffer.allocUnsafeSlow(SLAB_BYTES), used: 0 };
      slab.used = piece.copy(slab.bytes);
      this.#pieces.push(slab);
    }
  }

  take(): Buffer | undefined {
    const first = this.#pieces.shift();
    if (first === undefined) return undefined;
    const piece = Buffer.isBuffer(first) ? first : first.bytes.subarray(0, first.used);
    this.#bytes -= piece.length;
    return piece;
  }

  clear(): void {
    this.#pieces.length = 0;
    this.#bytes = 0;
  }
}
