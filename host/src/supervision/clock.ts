/** Time as the rooms of supervision see it, so that a test can own it. Nothing here keeps a process alive. */
export interface Clock {
  /** Monotonic, in ms: for every wait and every interval. */
  now(): number;
  /** The wall clock, in ms: only to see what the monotonic one can't, which is a machine that slept. */
  wallNow(): number;
  /** Runs once, after at least that long. Returns what calls it off. */
  after(ms: number, run: () => void): () => void;
  /** Runs once, after the event loop has read its sockets. Returns what calls it off. */
  atTurnEnd(run: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  wallNow: () => Date.now(),
  after(ms, run) {
    const timer = setTimeout(run, Math.ceil(ms)).unref();
    return () => clearTimeout(timer);
  },
  atTurnEnd(run) {
    // Not unref'd: only an immediate that counts keeps the loop from sleeping in its poll before it.
    const immediate = setImmediate(run);
    return () => clearImmediate(immediate);
  },
};
