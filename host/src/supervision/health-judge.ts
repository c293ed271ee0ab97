import type { HealthAnswer } from '../connection/health';
import type { HealthSpec } from '../instance/health-options';

export interface ProbeOutcome {
  /** `failed`: no answer in time, or an error instead of one. */
  readonly status: HealthAnswer['status'];
  /** Monotonic, in ms, as the next two. */
  readonly sentAt: number;
  /** When the answer came, or was given up. */
  readonly answeredAt: number;
  /** For how much of the time between the two the host itself was late. */
  readonly stalledMs: number;
}

/** `wait`: not well, and not yet so for long enough. */
export type HealthVerdict = 'well' | 'wait' | 'unhealthy';

/** An outcome proves nothing if the host was late for more of its time than this. */
const LATE_SHARE = 0.25;

/** So many excuses in a row are believed: in a host that is late all the time a plugin may hang as well. */
const MAX_EXCUSES = 8;

/**
 * What the answers to health checks amount to. An answer is an answer, however late the host was: a status other
 * than serving counts against the plugin, and a good one clears it. Only silence and errors are excused where the host
 * was late itself.
 *
 * Nobody becomes well again: an unhealthy instance is replaced.
 */
export class HealthJudge {
  readonly #limit: number;
  #failures = 0;
  #excuses = 0;

  /** Begins with a healthy plugin: one that isn't never came to serve. */
  constructor({ failures }: Pick<HealthSpec, 'failures'>) {
    this.#limit = failures;
  }

  /** How many failures in a row count at present. */
  get failures(): number {
    return this.#failures;
  }

  record(outcome: ProbeOutcome): HealthVerdict {
    if (outcome.status === 'failed') {
      if (hostWasLate(outcome) && this.#excuses < MAX_EXCUSES) {
        this.#excuses += 1;
        return 'wait';
      }
      return this.#failed();
    }
    this.#excuses = 0;
    if (outcome.status === 'not-serving') return this.#failed();
    this.#failures = 0;
    return 'well';
  }

  #failed(): HealthVerdict {
    this.#failures += 1;
    return this.#failures < this.#limit ? 'wait' : 'unhealthy';
  }
}

function hostWasLate({ sentAt, answeredAt, stalledMs }: ProbeOutcome): boolean {
  return stalledMs > 0 && stalledMs >= LATE_SHARE * (answeredAt - sentAt);
}
