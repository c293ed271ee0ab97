import type { LimitSpec } from '../instance/limit-options';

/** What is known of a process at a moment; undefined where the system doesn't tell. */
export interface ResourceReading {
  /** Monotonic, in ms. */
  readonly at: number;
  /** Resident. */
  readonly memoryBytes: number | undefined;
  readonly descriptors: number | undefined;
  /** Processor time used since the process began, of all its threads, in ms. */
  readonly cpuMs: number | undefined;
}

export type Limit = 'memoryBytes' | 'descriptors' | 'cpuShare' | 'ageMs';

export interface LimitBreach {
  /** The name of the option. */
  readonly limit: Limit;
  readonly allowed: number;
  /** The last value seen. */
  readonly used: number;
}

/** Below this share of its limit a value is well within it again; between the two it only stops to count. */
const RELIEF = 0.9;

/** A process goes up to this share of its age earlier. */
const AGE_SPREAD = 0.1;

interface Track {
  readonly limit: Limit;
  readonly allowed: number;
  /** Readings in a row above the limit. */
  over: number;
  exceeded: boolean;
}

/**
 * Says when one process has used more than it may, by several readings in a row, and not again before it was well
 * within the limit. A new process gets a watch of its own.
 */
export class LimitWatch {
  readonly #spec: LimitSpec;
  readonly #startedAt: number;
  readonly #tracks: Track[];
  readonly #oldestMs: number;
  #previous: ResourceReading | undefined;

  /**
   * @param startedAt when the process began, monotonic, in ms
   * @param random from 0 up to, but not including, 1: so that replicas don't reach their age together
   */
  constructor(spec: LimitSpec, startedAt: number, random: () => number = Math.random) {
    this.#spec = spec;
    this.#startedAt = startedAt;
    this.#oldestMs = (spec.ageMs ?? Number.POSITIVE_INFINITY) * (1 - AGE_SPREAD * random());
    this.#tracks = (['memoryBytes', 'descriptors', 'cpuShare'] as const).flatMap((limit) => {
      const allowed = spec[limit];
      return allowed === undefined ? [] : [{ limit, allowed, over: 0, exceeded: false }];
    });
    if (spec.ageMs !== undefined) {
      this.#tracks.push({ limit: 'ageMs', allowed: spec.ageMs, over: 0, exceeded: false });
    }
  }

  /** The limits that have just come to be exceeded: usually none. */
  record(reading: ResourceReading): LimitBreach[] {
    const breaches: LimitBreach[] = [];
    for (const track of this.#tracks) {
      const used = this.#used(track.limit, reading);
      // What isn't known is no reading: the row goes on with the next one that is.
      if (used === undefined) continue;
      if (this.#exceeds(track, used)) breaches.push({ limit: track.limit, allowed: track.allowed, used });
    }
    this.#previous = reading;
    return breaches;
  }

  #used(limit: Limit, reading: ResourceReading): number | undefined {
    if (limit === 'ageMs') return reading.at - this.#startedAt;
    return limit === 'cpuShare' ? this.#cpuShare(reading) : reading[limit];
  }

  /** Over the time since the reading before, so that so many in a row are an average over all of their time. */
  #cpuShare({ at, cpuMs }: ResourceReading): number | undefined {
    const previous = this.#previous;
    if (cpuMs === undefined || previous?.cpuMs === undefined || at <= previous.at) return undefined;
    return Math.max(0, cpuMs - previous.cpuMs) / (at - previous.at);
  }

  #exceeds(track: Track, used: number): boolean {
    const isAge = track.limit === 'ageMs';
    if (used > (isAge ? this.#oldestMs : track.allowed)) {
      track.over += 1;
      // Age has no peaks.
      if (track.exceeded || (!isAge && track.over < this.#spec.readings)) return false;
      track.exceeded = true;
      return true;
    }
    track.over = 0;
    if (used < track.allowed * RELIEF) track.exceeded = false;
    return false;
  }
}
