import { Excess } from './excess';

/** Evidence that is forgotten goes in pieces, each an eighth of what is remembered. */
const PIECES = 8;

interface Chapter {
  readonly began: number;
  ended: number;
  readonly excess: Excess;
}

/** What is remembered of the tables: all, in one sum, or those of the last while. */
export class Chapters {
  private chapters: Chapter[] = [];

  constructor(private readonly windowMs: number | undefined) {}

  /** To be told in the order of time. */
  current(now: number): Excess {
    const { windowMs } = this;
    const last = this.chapters.at(-1);
    if (last && (windowMs === undefined || now - last.began < windowMs / PIECES)) {
      last.ended = now;
      return last.excess;
    }
    const next = { began: now, ended: now, excess: new Excess() };
    if (windowMs !== undefined) this.chapters = this.chapters.filter(({ ended }) => ended >= now - windowMs);
    this.chapters.push(next);
    return next.excess;
  }

  sum(now: number): Excess {
    const since = this.windowMs === undefined ? Number.NEGATIVE_INFINITY : now - this.windowMs;
    return this.chapters
      .filter(({ ended }) => ended >= since)
      .reduce((sum, { excess }) => sum.plus(excess), new Excess());
  }
}
