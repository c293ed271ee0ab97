import { protocolError } from './protocol-error';

/** Which end of the connection: the client's streams have odd numbers, the server's even ones. */
export type YamuxSide = 'client' | 'server';

/** Streams that are opened at the same time may arrive in another order than they were numbered, by no more than this. */
const MAX_SKIPPED = 1024;
const LAST_ID = 0xffff_fffe;

/** Numbers streams, and knows which numbers have been in use: frames for those may still be under way. */
export class StreamIds {
  #next: number;
  #highestOfPeer: number;
  readonly #skipped = new Set<number>();

  constructor(side: YamuxSide) {
    this.#next = side === 'client' ? 1 : 2;
    // One step below the peer's first number.
    this.#highestOfPeer = side === 'client' ? 0 : -1;
  }

  /** The number of the next stream of ours; undefined once all are used up. */
  next(): number | undefined {
    if (this.#next >= LAST_ID) return undefined;
    const id = this.#next;
    this.#next += 2;
    return id;
  }

  isOurs(id: number): boolean {
    return id % 2 === this.#next % 2;
  }

  /** Whether a stream of this number is there or was. */
  wasUsed(id: number): boolean {
    return this.isOurs(id) ? id < this.#next : id <= this.#highestOfPeer && !this.#skipped.has(id);
  }

  /** The peer opens this one. @throws PluginError MULTIPLEX_PROTOCOL unless it may */
  admit(id: number): void {
    if (this.isOurs(id))
      throw protocolError("it opened a stream with a number that is this end's", { streamId: id });
    if (this.#skipped.delete(id)) return;
    if (id <= this.#highestOfPeer) throw protocolError('it opened a stream twice', { streamId: id });
    const skips = (id - this.#highestOfPeer) / 2 - 1;
    if (skips + this.#skipped.size > MAX_SKIPPED) {
      throw protocolError('it left out too many stream numbers', { streamId: id });
    }
    for (let skipped = this.#highestOfPeer + 2; skipped < id; skipped += 2) this.#skipped.add(skipped);
    this.#highestOfPeer = id;
  }
}
