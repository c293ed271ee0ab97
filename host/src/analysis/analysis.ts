import type { status } from '@grpc/grpc-js';
import type { Judgement, Reading, Side } from './judgement';
import type { AnalysisSpec } from './rule';

/**
 * Judges whether a new version is worse than the old one that works beside it. It has no timers: what it is told and
 * asked carries the time, monotonic, in milliseconds.
 */
export class Analysis {
  readonly #spec: AnalysisSpec;

  constructor(spec: AnalysisSpec, now: number) {
    this.#spec = spec;
    void now;
  }

  /**
   * A call has ended.
   *
   * @param method `/package.Service/Method`
   * @param elapsedMs of a unary call; undefined where its length says nothing, as that of a stream
   */
  record(side: Side, method: string, code: status, elapsedMs: number | undefined, now: number): void {
    void [side, method, code, elapsedMs, now];
  }

  /** For `cpu` and `queue-length`: to be told every second or so, of both sides. */
  reading(reading: Reading): void {
    void reading;
  }

  /** New calls are split anew: so many percent go to the new version. To be told at the beginning too. */
  shares(now: number, percentNew: number): void {
    void [now, percentNew];
  }

  /** `promote` asks for enough calls from now on; what was seen before goes on to count. */
  beginStep(now: number): void {
    void now;
  }

  /** May be asked as often as one likes: chance gets no more tries by it. */
  look(now: number): Judgement {
    void [now, this.#spec];
    return {
      verdict: 'wait',
      score: 0,
      calls: { old: 0, new: 0 },
      metrics: [],
      why: 'Nothing is judged yet.',
    };
  }
}
