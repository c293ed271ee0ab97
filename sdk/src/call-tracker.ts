/** The calls that are in flight. */
export class CallTracker {
  #inFlight = 0;
  #idle: (() => void)[] = [];

  get inFlight(): number {
    return this.#inFlight;
  }

  /** Counts a call; the function that it returns ends it. */
  begin(): () => void {
    this.#inFlight++;
    let ended = false;
    return () => {
      if (ended) return;
      ended = true;
      this.#inFlight--;
      if (this.#inFlight === 0) for (const resolve of this.#idle.splice(0)) resolve();
    };
  }

  /** Waits until no call is in flight, at most so long. @returns how many are left. */
  async whenIdle(limitMs: number): Promise<number> {
    if (this.#inFlight > 0 && limitMs > 0) {
      let timer: NodeJS.Timeout | undefined;
      const limit = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, limitMs);
      });
      await Promise.race([new Promise<void>((resolve) => this.#idle.push(resolve)), limit]);
      clearTimeout(timer);
    }
    return this.#inFlight;
  }
}
