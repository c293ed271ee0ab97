import type { Cause } from '../events/host-event';
import type { Logger } from '../events/logger';
import type { Supervisor } from '../supervision/supervisor';

export interface WarmGenerationOptions {
  /** What a timer takes: see `checkedWaitMs`. */
  readonly keepMs: number;
  readonly logger: Logger;
  /** Its time is over: to be followed by {@link WarmGeneration.retire}. */
  readonly onDue: () => void;
  /** Nothing is left of it. */
  readonly onRetired: () => void;
}

/** Out of the route, and not told to leave: it may be asked to serve again. */
export class WarmGeneration {
  readonly supervisor: Supervisor;
  readonly #options: WarmGenerationOptions;
  readonly #timer: NodeJS.Timeout;
  #taken = false;

  constructor(supervisor: Supervisor, options: WarmGenerationOptions) {
    this.supervisor = supervisor;
    this.#options = options;
    this.#timer = setTimeout(options.onDue, options.keepMs).unref();
  }

  /** Whether all of it is still there. */
  get usable(): boolean {
    return this.supervisor.full;
  }

  /** Whether it is somebody else's. */
  get taken(): boolean {
    return this.#taken;
  }

  /** It is somebody else's from now on, who ends it where it comes to nothing. */
  take(): Supervisor {
    this.#taken = true;
    clearTimeout(this.#timer);
    return this.supervisor;
  }

  /** Lets it finish the calls that it still has, and ends it. Never rejects; what can't be ended is logged. */
  async retire(): Promise<void> {
    clearTimeout(this.#timer);
    const cause = { reason: 'retired', message: 'its time as the version before was over' };
    await endGeneration(this.supervisor, cause, this.#options.logger);
    this.#options.onRetired();
  }
}

/** Lets it finish the calls that it has, and ends it. Never rejects; what can't be ended is logged. */
export async function endGeneration(generation: Supervisor, cause: Cause, logger: Logger): Promise<void> {
  try {
    await generation.drain(cause);
    await generation.stop(cause);
  } catch (error) {
    const { name: plugin, version } = generation.spec;
    logger.error('a process could not be ended', { plugin, version, error: String(error) });
  }
}
