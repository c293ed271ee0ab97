import { PluginError } from '@plugd/protocol/plugin-error';
import type { ServiceCall } from '@plugd/protocol/rpc/service-call';
import type { AuditRecord } from './admin-backend';
import { CLIENT_KEY, readNote } from './caller-note';
import type { KeptOperation } from './operations-book';
import { asStruct } from './struct';

/** What is asked for. */
export interface AskedChange {
  readonly verb: string;
  readonly plugin?: string;
  readonly parameters?: object;
}

type Outcome = Pick<AuditRecord, 'outcome' | 'operation'>;

/** Changes that clients ask for, each written down with what came of it. */
export class RecordedChanges {
  readonly #audit: (record: AuditRecord) => void;

  constructor(audit: (record: AuditRecord) => void) {
    this.#audit = audit;
  }

  /** Rejects with what it throws. */
  make<T>(call: ServiceCall, change: AskedChange, work: () => Promise<T>): Promise<T> {
    return this.#record(call, change, work, () => ({ outcome: 'done' }));
  }

  /** The same of an operation, whose end is written down too. */
  async begin(
    call: ServiceCall,
    change: AskedChange,
    work: () => Promise<KeptOperation>,
  ): Promise<KeptOperation> {
    const begun = await this.#record(call, change, work, ({ id }) => ({ outcome: 'begun', operation: id }));
    const record = this.#recorder(call, change);
    const { id: operation } = begun;
    begun.handle.then(
      ({ outcome }) => record({ outcome, operation }),
      (error: unknown) => record({ outcome: outcomeOf(error), operation }),
    );
    return begun;
  }

  async #record<T>(
    call: ServiceCall,
    change: AskedChange,
    work: () => Promise<T>,
    outcome: (made: T) => Outcome,
  ): Promise<T> {
    const record = this.#recorder(call, change);
    try {
      const made = await work();
      record(outcome(made));
      return made;
    } catch (error) {
      record({ outcome: outcomeOf(error) });
      throw error;
    }
  }

  #recorder(
    { metadata }: ServiceCall,
    { verb, plugin, parameters = {} }: AskedChange,
  ): (outcome: Outcome) => void {
    const client = readNote(String(metadata.get(CLIENT_KEY)[0] ?? ''));
    return (outcome) => this.#audit({ client, verb, plugin, parameters: asStruct(parameters), ...outcome });
  }
}

function outcomeOf(error: unknown): string {
  return error instanceof PluginError ? error.code : 'failed';
}
