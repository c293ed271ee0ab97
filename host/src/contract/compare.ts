import type { Contract } from './contract';
import type { FieldType } from './message-type';
import type { MethodContract } from './method-contract';

/** What is different between two contracts, in words of its kind. */
export type ChangeKind =
  | 'service-removed'
  | 'service-added'
  | 'method-removed'
  | 'method-added'
  | 'call-kind-changed'
  | 'request-type-changed'
  | 'response-type-changed'
  | 'idempotency-changed'
  | 'message-unknown'
  | 'field-removed'
  | 'field-added'
  | 'field-number-changed'
  | 'field-type-changed'
  | 'field-cardinality-changed';

/** One difference, with what it was and what it is, for people. */
export interface ContractChange {
  readonly kind: ChangeKind;
  /** Service, `/service/method`, or `message.field`. */
  readonly where: string;
  readonly was: string | undefined;
  readonly is: string | undefined;
  /** Whether callers of the old one can't call the new one as before. */
  readonly breaking: boolean;
}

/**
 * What a plugin's new contract changes for those who call the old one. Only what can be compared is: where one side has
 * no descriptors, methods are compared by their names and kinds alone.
 *
 * Breaking are a service or method that is gone, another kind of call, another type of request or response, and of the
 * messages in them a field whose number, type or cardinality is another one, or a new field that is required. A field
 * that is gone is none: by protobuf's own rules whoever still sends it is understood as before.
 */
export function compareContracts(was: Contract, is: Contract): ContractChange[] {
  return new Comparison(was, is).run();
}

class Comparison {
  readonly #was: Contract;
  readonly #is: Contract;
  readonly #changes: ContractChange[] = [];
  /** Pairs of messages that have been compared, or are being: messages may contain themselves. */
  readonly #seen = new Set<string>();

  constructor(was: Contract, is: Contract) {
    this.#was = was;
    this.#is = is;
  }

  run(): ContractChange[] {
    for (const { name, methods } of this.#was.services) {
      const service = this.#is.service(name);
      if (service === undefined) {
        this.#add('service-removed', name, name, undefined, true);
        continue;
      }
      // Known by its name alone: reflection without descriptors.
      if (service.methods.length === 0) continue;
      for (const method of methods) this.#method(method);
      for (const { path, name: method } of service.methods) {
        if (methods.length > 0 && this.#was.method(path) === undefined)
          this.#add('method-added', path, undefined, method, false);
      }
    }
    for (const { name } of this.#is.services) {
      if (this.#was.service(name) === undefined) this.#add('service-added', name, undefined, name, false);
    }
    return this.#changes;
  }

  #method(was: MethodContract): void {
    const { path } = was;
    const is = this.#is.method(path);
    if (is === undefined) {
      this.#add('method-removed', path, was.name, undefined, true);
      return;
    }
    if (callKind(was) !== callKind(is))
      this.#add('call-kind-changed', path, callKind(was), callKind(is), true);
    if (was.levelStated && is.levelStated && was.idempotency !== is.idempotency) {
      this.#add('idempotency-changed', path, was.idempotency, is.idempotency, false);
    }
    this.#type('request-type-changed', path, was.inputType, is.inputType);
    this.#type('response-type-changed', path, was.outputType, is.outputType);
  }

  #type(kind: ChangeKind, path: string, was: string | undefined, is: string | undefined): void {
    if (was === undefined || is === undefined) return;
    if (was !== is) this.#add(kind, path, was, is, true);
    else this.#message(was);
  }

  #message(name: string): void {
    if (this.#seen.has(name)) return;
    this.#seen.add(name);
    const was = this.#was.message(name);
    const is = this.#is.message(name);
    if (was === undefined || is === undefined) {
      if (was !== is) this.#add('message-unknown', name, was && 'described', is && 'described', false);
      return;
    }
    for (const field of was.fields) this.#field(name, field, is.fields);
    for (const field of is.fields) {
      if (was.fields.some((one) => one.number === field.number || one.name === field.name)) continue;
      this.#add(
        'field-added',
        `${name}.${field.name}`,
        undefined,
        describe(field),
        field.label === 'required',
      );
    }
  }

  #field(message: string, was: FieldType, fields: readonly FieldType[]): void {
    const where = `${message}.${was.name}`;
    const byNumber = fields.find(({ number }) => number === was.number);
    const byName = fields.find(({ name }) => name === was.name);
    if (byName !== undefined && byName.number !== was.number) {
      this.#add('field-number-changed', where, String(was.number), String(byName.number), true);
    }
    // The number is what stands on the wire: a field may have got another name.
    if (byNumber === undefined) {
      if (byName === undefined) this.#add('field-removed', where, describe(was), undefined, false);
      return;
    }
    const [wasType, isType] = [typeOf(was), typeOf(byNumber)];
    if (wasType !== isType) this.#add('field-type-changed', where, wasType, isType, true);
    else if (was.type === 'message' && was.typeName !== undefined) this.#message(was.typeName);
    if ((was.label === 'repeated') !== (byNumber.label === 'repeated')) {
      this.#add('field-cardinality-changed', where, was.label, byNumber.label, true);
    }
  }

  #add(
    kind: ChangeKind,
    where: string,
    was: string | undefined,
    is: string | undefined,
    breaking: boolean,
  ): void {
    this.#changes.push({ kind, where, was, is, breaking });
  }
}

function callKind({ requestStream, responseStream }: MethodContract): string {
  if (requestStream) return responseStream ? 'bidirectional stream' : 'client stream';
  return responseStream ? 'server stream' : 'unary';
}

function typeOf({ type, typeName }: FieldType): string {
  return typeName ?? type;
}

function describe(field: FieldType): string {
  return `${field.label === 'repeated' ? 'repeated ' : ''}${typeOf(field)} = ${field.number}`;
}

/** A change in one line, for errors and reports. */
export function formatChange({ kind, where, was, is }: ContractChange): string {
  const what = kind.replaceAll('-', ' ');
  const change =
    was !== undefined && is !== undefined ? `: ${was} → ${is}` : is === undefined ? '' : `: ${is}`;
  return `${where}: ${what}${change}`;
}
