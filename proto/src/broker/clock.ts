/** Time, so that tests can have their own. */
export interface Clock {
  /** Calls back after so long, unless the function that it returns is called before. Keeps no process alive. */
  after(ms: number, callback: () => void): () => void;
}

export const systemClock: Clock = {
  after(ms, callback) {
    const timer = setTimeout(callback, ms).unref();
    return () => clearTimeout(timer);
  },
};
