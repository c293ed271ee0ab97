import { Malformed } from './malformed';

/** Reads one thing after the other. What goes beyond the end throws Malformed. */
export class ByteCursor {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get atEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  take(length: number): Buffer {
    if (length > this.#bytes.length - this.#at) throw new Malformed('the bytes end before that');
    const taken = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    return taken;
  }

  byte(): number {
    return this.take(1).readUInt8();
  }

  /** Of up to 64 bits; those above 53 are rounded, and name nothing that is there. */
  varint(): number {
    let value = 0;
    for (let place = 0; place < 10; place++) {
      const byte = this.byte();
      value += (byte & 0x7f) * 2 ** (7 * place);
      if (byte < 0x80) return value;
    }
    throw new Malformed('a number is too long');
  }

  /** What has its length before it. */
  prefixed(): Buffer {
    return this.take(this.varint());
  }
}
