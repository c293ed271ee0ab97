import { LimitsById } from './limits-by-id';

/**
 * The last words of a connection (TLS's and HTTP/2's farewells) come after we have said that we send no more. They
 * are thrown away in silence: the peer is about to forget the stream, and would complain of a reset.
 */
const LAST_WORDS_BYTES = 16 * 1024;

/** Streams that are over here, though the peer has not ended its side. */
export class Lingering {
  readonly #limits: LimitsById;
  readonly #discarded = new Map<number, number>();

  /** `onExpired`: the peer never ended its side. */
  constructor(limitMs: number, onExpired: (id: number) => void) {
    this.#limits = new LimitsById(limitMs, (id) => {
      this.#discarded.delete(id);
      onExpired(id);
    });
  }

  add(id: number): void {
    this.#discarded.set(id, 0);
    this.#limits.add(id);
  }

  /** The peer has ended its side. */
  ended(id: number): void {
    this.#discarded.delete(id);
    this.#limits.remove(id);
  }

  /** Data for a stream that lingers are thrown away. @returns true if it is so much that the peer has to be told */
  discard(id: number, bytes: number): boolean {
    const before = this.#discarded.get(id);
    if (before === undefined) return false;
    if (before + bytes <= LAST_WORDS_BYTES) {
      this.#discarded.set(id, before + bytes);
      return false;
    }
    this.ended(id);
    return true;
  }

  clear(): void {
    this.#discarded.clear();
    this.#limits.clear();
  }
}
