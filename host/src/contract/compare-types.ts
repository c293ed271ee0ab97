import type { Contract } from './contract';
import type { NoteChange } from './contract-change';
import type { FieldType, MessageType } from './message-type';
import { exclusions } from './oneofs';

/**
 * Compares messages and enums of two contracts that have one name in both, and what is in them. Messages may contain
 * themselves, and come in chains as long as whoever wrote them likes: each is compared once, and none inside another.
 */
export class TypeComparison {
  readonly #was: Contract;
  readonly #is: Contract;
  readonly #note: NoteChange;
  /** Types that have been compared, or are going to be. */
  readonly #seen = new Set<string>();
  readonly #waiting: string[] = [];

  constructor(was: Contract, is: Contract, note: NoteChange) {
    this.#was = was;
    this.#is = is;
    this.#note = note;
  }

  /** Compares a message, and all that it leads to. */
  message(name: string): void {
    this.#look(name);
    for (let next = this.#waiting.pop(); next !== undefined; next = this.#waiting.pop()) this.#compare(next);
  }

  #look(name: string): void {
    if (this.#seen.has(name)) return;
    this.#seen.add(name);
    this.#waiting.push(name);
  }

  #compare(name: string): void {
    const [was, is] = [this.#was.message(name), this.#is.message(name)];
    if (was !== undefined && is !== undefined) this.#fields(was, is);
    else if (was !== is) this.#note('type-unknown', name, was && 'described', is && 'described', false);
    else this.#enum(name);
  }

  #fields(was: MessageType, is: MessageType): void {
    const byNumber = new Map(is.fields.map((field) => [field.number, field]));
    const byName = new Map(is.fields.map((field) => [field.name, field]));
    for (const field of was.fields) {
      this.#field(`${was.name}.${field.name}`, field, byNumber.get(field.number), byName.get(field.name));
    }
    for (const { name, before, after } of exclusions(was, is)) {
      this.#note('field-oneof-changed', `${was.name}.${name}`, before, after, true);
    }
    const numbers = new Set(was.fields.map(({ number }) => number));
    const names = new Set(was.fields.map(({ name }) => name));
    for (const field of is.fields) {
      if (numbers.has(field.number) || names.has(field.name)) continue;
      const where = `${is.name}.${field.name}`;
      this.#note('field-added', where, undefined, describe(field, this.#is), field.label === 'required');
    }
  }

  #field(
    where: string,
    was: FieldType,
    byNumber: FieldType | undefined,
    byName: FieldType | undefined,
  ): void {
    if (byName !== undefined && byName.number !== was.number) {
      this.#note('field-number-changed', where, String(was.number), String(byName.number), true);
    }
    // The number is what stands on the wire: a field may have got another name.
    if (byNumber === undefined) {
      if (byName !== undefined) return;
      // Who reads a message without what is required in it refuses it.
      this.#note('field-removed', where, describe(was, this.#was), undefined, was.label === 'required');
      return;
    }
    this.#type(where, was, byNumber);
    if (was.label !== byNumber.label && isStrict(was, byNumber)) {
      this.#note('field-cardinality-changed', where, was.label, byNumber.label, true);
    }
  }

  #type(where: string, was: FieldType, is: FieldType): void {
    const [before, after] = [typeOf(was, this.#was), typeOf(is, this.#is)];
    if (before !== after) {
      this.#note('field-type-changed', where, before, after, true);
    } else if (was.type !== is.type && was.type !== 'unknown' && is.type !== 'unknown') {
      this.#note('field-type-changed', where, `${was.type} ${before}`, `${is.type} ${after}`, true);
    } else {
      // Of a map's entry, which is as equal as its text, what its value leads to.
      const leads = mapOf(was, this.#was)?.value ?? was;
      if (leads.typeName !== undefined) this.#look(leads.typeName);
    }
  }

  #enum(name: string): void {
    const [was, is] = [this.#was.enum(name), this.#is.enum(name)];
    if (was === undefined || is === undefined) {
      if (was !== is) this.#note('type-unknown', name, was && 'described', is && 'described', false);
      return;
    }
    const numbers = new Map(is.values.map((value) => [value.name, value.number]));
    const known = new Set(is.values.map(({ number }) => number));
    for (const value of was.values) {
      const number = numbers.get(value.name);
      const where = `${name}.${value.name}`;
      if (number === undefined) {
        // It may have got another name, as a field may.
        if (!known.has(value.number))
          this.#note('enum-value-removed', where, String(value.number), undefined, false);
      } else if (number !== value.number) {
        this.#note('enum-number-changed', where, String(value.number), String(number), true);
      }
    }
    const former = new Set(was.values.flatMap((value) => [value.name, value.number]));
    for (const value of is.values) {
      if (former.has(value.name) || former.has(value.number)) continue;
      this.#note('enum-value-added', `${name}.${value.name}`, undefined, String(value.number), false);
    }
  }
}

/** Whether it may be there once only, or has to be there, on one side and not on the other. */
function isStrict(was: FieldType, is: FieldType): boolean {
  return (['repeated', 'required'] as const).some((label) => (was.label === label) !== (is.label === label));
}

interface MapEntry {
  readonly key: FieldType;
  readonly value: FieldType;
}

/** A map is a repeated message of key and value, whose name comes from the field's: who renames the one renames the other. */
function mapOf({ label, typeName }: FieldType, contract: Contract): MapEntry | undefined {
  if (label !== 'repeated' || typeName === undefined) return undefined;
  const message = contract.message(typeName);
  if (message?.mapEntry !== true) return undefined;
  const [key, value] = [1, 2].map((number) => message.fields.find((field) => field.number === number));
  return key === undefined || value === undefined ? undefined : { key, value };
}

function typeOf(field: FieldType, contract: Contract): string {
  const map = mapOf(field, contract);
  if (map === undefined) return field.typeName ?? field.type;
  return `map<${map.key.type}, ${map.value.typeName ?? map.value.type}>`;
}

function describe(field: FieldType, contract: Contract): string {
  const many = field.label === 'repeated' && mapOf(field, contract) === undefined;
  return `${many ? 'repeated ' : ''}${typeOf(field, contract)} = ${field.number}`;
}
