import type { ShadowSkip } from './shadow-report';

/** How much of the host's time comparisons may take: one part in so many. */
const REST_FACTOR = 20;
/** Bytes of calls that wait for their end, in the largest calls that are mirrored. */
const HELD_CALLS = 16;

/** How often it is looked how busy the host is, and from what part of its time on it is busy. */
const LOOK_MS = 100;
const BUSY = 0.5;

export interface LoadLimits {
  readonly busyPercent: number;
  readonly maxInFlight: number;
  readonly maxPerSecond: number;
  readonly maxBytes: number;
}

/** How much may be mirrored now: by rate, number, bytes, and the time that it takes from callers. */
export class MirrorLoad {
  #tokens: number;
  #filledAt: number;
  #inFlight = 0;
  #heldBytes = 0;
  #restUntil = 0;
  #lookedAt: number;
  #busy = false;
  /** Calls since one was last admitted. */
  #passed = 0;

  /**
   * @param now of a monotonic clock, in milliseconds
   * @param utilization for which part of its time the host was busy since it was last asked, from 0 to 1
   */
  constructor(
    private readonly limits: LoadLimits,
    private readonly now: () => number,
    private readonly utilization: () => number,
  ) {
    this.#tokens = limits.maxInFlight;
    this.#filledAt = now();
    this.#lookedAt = now();
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** For a call that begins: why it is not mirrored; undefined: it is. One that goes first takes what later ones would get. */
  admit(first = false): ShadowSkip | undefined {
    const now = this.now();
    if (this.#inFlight >= this.limits.maxInFlight || (!first && now < this.#restUntil)) return 'busy';
    const { maxInFlight, maxPerSecond, busyPercent } = this.limits;
    if (now - this.#lookedAt >= LOOK_MS) {
      this.#lookedAt = now;
      this.#busy = this.utilization() > BUSY;
    }
    // What a mirrored call costs it takes from callers then, who have calls without end or little of the machine.
    if (this.#busy && !first && ++this.#passed * busyPercent < 100) return 'busy';
    // No more at once than may be under way at once.
    this.#tokens = Math.min(maxInFlight, this.#tokens + ((now - this.#filledAt) * maxPerSecond) / 1000);
    this.#filledAt = now;
    if (this.#tokens < (first ? -maxInFlight : 1)) return 'rate';
    this.#tokens--;
    this.#passed = 0;
    return undefined;
  }

  /** For a call that has ended: whether it may go to the new one. */
  take(): boolean {
    if (this.#inFlight >= this.limits.maxInFlight) return false;
    this.#inFlight++;
    return true;
  }

  giveBack(): void {
    this.#inFlight--;
  }

  /** Whether so many bytes may be kept beside those that are. */
  hold(bytes: number): boolean {
    if (this.#heldBytes + bytes > HELD_CALLS * this.limits.maxBytes) return false;
    this.#heldBytes += bytes;
    return true;
  }

  letGo(bytes: number): void {
    this.#heldBytes -= bytes;
  }

  /** Something has taken the host so long, while it did nothing else. */
  worked(ms: number): void {
    this.#restUntil = Math.max(this.#restUntil, this.now() + ms * (REST_FACTOR - 1));
  }
}
