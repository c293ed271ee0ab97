import { PluginError } from '@plugd/protocol/plugin-error';

/** What was tried: the content of a version, by some settings. */
export interface Attempt {
  readonly name: string;
  readonly version: string;
  readonly digest: string;
  readonly settings: string;
}

interface Failure extends Attempt {
  readonly error: unknown;
  /** Not its own fault: with the next look at everything it is tried again. */
  readonly passing: boolean;
}

/** What says nothing of the version that was to run. */
const passing: readonly string[] = [
  'RUN_DIR_FULL',
  'RUN_DIR_UNSAFE',
  'PLUGIN_STOPPED',
  'HOST_CLOSED',
  'BUSY',
  'JOURNAL_FAILED',
  'MEMORY_SHORT',
];

/** What has been tried and failed: not to be tried again as it is. */
export class Failures {
  readonly #failures = new Map<string, Failure>();

  /** @param givenUp by this host, because it was not wanted any more; what somebody has aborted stays so */
  add(attempt: Attempt, error: unknown, givenUp = false): void {
    const isPassing = givenUp || (error instanceof PluginError && passing.includes(error.code));
    this.#failures.set(keyOf(attempt), { ...attempt, error, passing: isPassing });
  }

  /** Why just this has failed; undefined: it hasn't. */
  of(attempt: Attempt): unknown {
    const failure = this.#failures.get(keyOf(attempt));
    const same = failure?.digest === attempt.digest && failure.settings === attempt.settings;
    return same ? failure.error : undefined;
  }

  /** Whatever it was, it may be tried again. */
  forget(name: string, version?: string): void {
    for (const [key, failure] of this.#failures)
      if (failure.name === name && (version === undefined || failure.version === version))
        this.#failures.delete(key);
  }

  /** What failed for reasons of the moment may be tried again. */
  forgetPassing(): void {
    for (const [key, failure] of this.#failures) if (failure.passing) this.#failures.delete(key);
  }
}

const keyOf = ({ name, version }: Attempt): string => `${name}/${version}`;
