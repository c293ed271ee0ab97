import type { Side } from './judgement';

/** A stratum ends when it is so old and has so many calls of each side. The last one ends it anyhow. */
const ends = [
  { ageMs: 1_000, calls: 20 },
  { ageMs: 10_000, calls: 2 },
  { ageMs: 60_000, calls: 0 },
] as const;

/**
 * Cuts time into strata, within which the sides are compared: short ones, so that a bad minute which both have falls
 * into strata of its own; not so short that calls of one side alone are in them. By numbers of calls, never by how
 * these went.
 */
export class StratumClock {
  private calls = { old: 0, new: 0 };

  constructor(
    private began: number,
    private readonly beside: boolean,
  ) {}

  record(side: Side): void {
    this.calls[side] += 1;
  }

  isOver(now: number): boolean {
    // One after the other they never have calls in the same one.
    if (!this.beside) return now - this.began >= ends[0].ageMs;
    const fewest = Math.min(this.calls.old, this.calls.new);
    return ends.some(({ ageMs, calls }) => now - this.began >= ageMs && fewest >= calls);
  }

  begin(now: number): void {
    this.began = now;
    this.calls = { old: 0, new: 0 };
  }
}
