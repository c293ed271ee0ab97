interface Seen {
  /** Undefined: it is gone. */
  readonly signature: string | undefined;
  readonly sinceMs: number;
}

/** What has not changed for a while, and when the rest is to be looked at again. */
export interface Quiet {
  readonly settled: ReadonlySet<string>;
  /** Gone too short a time ago: whoever replaces something takes the old one away first. */
  readonly justGone: ReadonlySet<string>;
  /** Undefined: all of it is quiet. */
  readonly nextMs: number | undefined;
}

/** Knows for how long things have looked as they do. What looks are told is made of is not its business. */
export class QuietTime {
  readonly #quietMs: number;
  #seen = new Map<string, Seen>();

  constructor(quietMs: number) {
    this.#quietMs = quietMs;
  }

  /** A look at all there is: signatures by names. `nowMs` never goes back. */
  look(nowMs: number, signatures: ReadonlyMap<string, string>): Quiet {
    const seen = new Map<string, Seen>();
    const [settled, justGone] = [new Set<string>(), new Set<string>()];
    let nextMs: number | undefined;
    for (const name of new Set([...signatures.keys(), ...this.#seen.keys()])) {
      const signature = signatures.get(name);
      const before = this.#seen.get(name);
      const same = before !== undefined && before.signature === signature;
      const now = same ? before : { signature, sinceMs: nowMs };
      const leftMs = now.sinceMs + this.#quietMs - nowMs;
      if (leftMs > 0) {
        nextMs = Math.min(nextMs ?? leftMs, leftMs);
        if (signature === undefined) justGone.add(name);
      } else if (signature === undefined) continue;
      else settled.add(name);
      seen.set(name, now);
    }
    this.#seen = seen;
    return { settled, justGone, nextMs };
  }

  /** It is not what it looked like: its time begins anew. */
  disturb(name: string): void {
    this.#seen.delete(name);
  }
}
