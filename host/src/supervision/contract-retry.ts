import type { RetryRule } from '../routing/replay';
import type { Supervisor } from './supervisor';

/** Which calls may be begun anew: as the contract of the generation says that is in the route. */
export class ContractRetry implements RetryRule {
  readonly #serving: () => Supervisor | undefined;

  constructor(serving: () => Supervisor | undefined) {
    this.#serving = serving;
  }

  get attempts(): number {
    return this.#serving()?.spec.attempts ?? 1;
  }

  mayRepeat(path: string): 'no' | 'one-answer' | 'stream' {
    const contract = this.#serving()?.contract;
    if (contract?.isIdempotent(path) !== true) return 'no';
    return contract.method(path)?.responseStream === true ? 'stream' : 'one-answer';
  }
}
