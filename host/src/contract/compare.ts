import { TypeComparison } from './compare-types';
import type { Contract } from './contract';
import type { ContractChange, NoteChange } from './contract-change';
import type { MethodContract } from './method-contract';

export { type ChangeKind, type ContractChange, formatChange } from './contract-change';

/**
 * What a plugin's new contract changes for those who call the old one. Only what can be compared is: where one side has
 * no descriptors, methods are compared by their names and kinds alone.
 *
 * Breaking are a service or method that is gone, another kind of call, another type of request or response, and of the
 * messages in them, however deep, a field whose number, type or cardinality is another one, one that may stand beside
 * others no more or excludes others no more (oneof), one that is required and was not there or is not there any more; and
 * an enum's value that has another number.
 *
 * A field or value that is gone is none: by protobuf's own rules whoever still sends it is understood as before. Nor are
 * other names for what has the same number, reserved numbers, and whether a repeated field is packed: none of them changes
 * what is understood of the other side's bytes.
 */
export function compareContracts(was: Contract, is: Contract): ContractChange[] {
  const changes: ContractChange[] = [];
  const note: NoteChange = (kind, where, before, after, breaking) => {
    changes.push({ kind, where, was: before, is: after, breaking });
  };
  new ServiceComparison(was, is, note).run();
  return changes;
}

class ServiceComparison {
  readonly #was: Contract;
  readonly #is: Contract;
  readonly #note: NoteChange;
  readonly #types: TypeComparison;

  constructor(was: Contract, is: Contract, note: NoteChange) {
    this.#was = was;
    this.#is = is;
    this.#note = note;
    this.#types = new TypeComparison(was, is, note);
  }

  run(): void {
    for (const { name, methods } of this.#was.services) {
      const service = this.#is.service(name);
      if (service === undefined) {
        this.#note('service-removed', name, name, undefined, true);
        continue;
      }
      // Known by its name alone: reflection without descriptors.
      if (service.methods.length === 0) continue;
      for (const method of methods) this.#method(method);
      for (const { path, name: method } of service.methods) {
        if (methods.length > 0 && this.#was.method(path) === undefined)
          this.#note('method-added', path, undefined, method, false);
      }
    }
    for (const { name } of this.#is.services) {
      if (this.#was.service(name) === undefined) this.#note('service-added', name, undefined, name, false);
    }
  }

  #method(was: MethodContract): void {
    const { path } = was;
    const is = this.#is.method(path);
    if (is === undefined) {
      this.#note('method-removed', path, was.name, undefined, true);
      return;
    }
    if (callKind(was) !== callKind(is))
      this.#note('call-kind-changed', path, callKind(was), callKind(is), true);
    if (was.levelStated && is.levelStated && was.idempotency !== is.idempotency) {
      this.#note('idempotency-changed', path, was.idempotency, is.idempotency, false);
    }
    this.#type('request-type-changed', path, was.inputType, is.inputType);
    this.#type('response-type-changed', path, was.outputType, is.outputType);
  }

  #type(
    kind: 'request-type-changed' | 'response-type-changed',
    path: string,
    was: string | undefined,
    is: string | undefined,
  ): void {
    if (was === undefined || is === undefined) return;
    if (was !== is) this.#note(kind, path, was, is, true);
    else this.#types.message(was);
  }
}

function callKind({ requestStream, responseStream }: MethodContract): string {
  if (requestStream) return responseStream ? 'bidirectional stream' : 'client stream';
  return responseStream ? 'server stream' : 'unary';
}
