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

/** `wait`: nothing has changed by this outcome. */
export type HealthVerdict = 'healthy' | 'unhealthy' | 'wait';

/** An outcome proves nothing if the host was late for more of its time than this. */
const LATE_SHARE = 0.25;

/** So many excuses in a row are believed: in a host that is late all the time a plugin may hang as well. */
const MAX_EXCUSES = 8;

/**
 * What the answers to health checks amount to, with thresholds in both directions. An answer is an answer, however
 * late the host was: a status other than serving counts against the plugin, and a good one for it. Only silence and
 * errors are excused where the host was late itself.
 */
export class HealthJudge {
  readonly #spec: Pick<HealthSpec, 'failures' | 'successes'>;
  #ill = false;
  #failures = 0;
  #successes = 0;
  #excuses = 0;

  /** Begins with a healthy plugin: one that isn't never came to serve. */
  constructor(spec: Pick<HealthSpec, 'failures' | 'successes'>) {
    this.#spec = spec;
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
    return outcome.status === 'not-serving' ? this.#failed() : this.#succeeded();
  }

  #failed(): HealthVerdict {
    this.#successes = 0;
    this.#failures += 1;
    if (!this.#ill && this.#failures < this.#spec.failures) return 'wait';
    this.#ill = true;
    return 'unhealthy';
  }

  #succeeded(): HealthVerdict {
    this.#failures = 0;
    this.#successes += 1;
    if (this.#ill && this.#successes < this.#spec.successes) return 'wait';
    this.#ill = false;
    return 'healthy';
  }
}

function hostWasLate({ sentAt, answeredAt, stalledMs }: ProbeOutcome): boolean {
  return stalledMs > 0 && stalledMs >= LATE_SHARE * (answeredAt - sentAt);
}
