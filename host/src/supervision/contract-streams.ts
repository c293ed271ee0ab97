import type { Contract } from '../contract/contract';
import { type ResumeFields, resumeFields } from '../contract/resume-fields';
import type { Logger } from '../events/logger';
import type { StreamRule } from '../routing/stream-rule';
import type { Supervisor } from './supervisor';

/** What is served, as far as it tells of streams. */
type Serving = Pick<Supervisor, 'contract' | 'sharedContract'>;

/** What becomes of streams: as the contract of the generation says that is in the route. */
export class ContractStreams implements StreamRule {
  readonly #plugin: string;
  readonly #serving: () => Serving | undefined;
  readonly #logger: Logger;
  #contract: Contract | undefined;
  #settled = false;
  /** Undefined where there are none: then a call is asked for no name. */
  #resumable: ReadonlyMap<string, ResumeFields> | undefined;
  /** What was said already. */
  readonly #said = new Set<string>();

  constructor(plugin: string, serving: () => Serving | undefined, logger: Logger) {
    this.#plugin = plugin;
    this.#serving = serving;
    this.#logger = logger;
  }

  resumes(path: string): ResumeFields | 'unknown' | undefined {
    const serving = this.#serving();
    if (serving === undefined) return 'unknown';
    const { contract, sharedContract } = serving;
    if (contract !== this.#contract || sharedContract.settled !== this.#settled)
      this.#read(contract, sharedContract.settled);
    const fields = this.#resumable?.get(path);
    if (fields !== undefined || this.#settled) return fields;
    const method = contract.method(path);
    return method?.responseStream === false || method?.requestStream === true ? undefined : 'unknown';
  }

  mayBeCut(path: string): boolean {
    return (this.#serving()?.contract ?? this.#contract)?.method(path)?.mayBeCut === true;
  }

  warn(path: string, why: string, details?: string): void {
    const told = `${path} ${why}`;
    if (this.#said.has(told)) return;
    this.#said.add(told);
    this.#logger.warn('a stream cannot go on over a swap', {
      plugin: this.#plugin,
      method: path,
      why,
      ...(details === undefined ? {} : { details }),
    });
  }

  #read(contract: Contract, settled: boolean): void {
    this.#contract = contract;
    this.#settled = settled;
    const found = new Map<string, ResumeFields>();
    for (const { methods } of contract.services) {
      for (const method of methods) {
        if (method.resumable === undefined) continue;
        const fields = resumeFields(contract, method);
        if (typeof fields !== 'string') found.set(method.path, fields);
        // Until the plugin has been asked it may still tell what is missing.
        else if (settled) this.warn(method.path, fields);
      }
    }
    this.#resumable = found.size > 0 ? found : undefined;
  }
}
