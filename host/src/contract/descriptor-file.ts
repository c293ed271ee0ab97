import { type FieldType, fieldLabels, fieldTypes, type MessageType } from './message-type';
import { idempotencyOf, type MethodContract, type ServiceContract } from './method-contract';

/** A file of a FileDescriptorSet, as far as a contract has to know it. */
export interface DescriptorFile {
  readonly name: string;
  /** Names of the files that it imports. */
  readonly dependencies: readonly string[];
  readonly services: readonly ServiceContract[];
  /** Nested ones too. */
  readonly messages: readonly MessageType[];
  /** The FileDescriptorProto as it was given; undefined where it was given as a decoded message. */
  readonly bytes: Uint8Array | undefined;
}

/**
 * Each name stands for itself in memory, and a short one inside a package with a long name is a long one: without a
 * limit a small file could become a huge one here.
 */
const longestName = 512;
const deepestNesting = 32;

/**
 * Reads a decoded FileDescriptorProto: of whichever library, they agree on the names of fields. Nothing of it is kept.
 *
 * @throws Error if it is none
 */
export function descriptorFile(decoded: unknown, bytes?: Uint8Array): DescriptorFile {
  const file = record(decoded);
  const name = text(file, 'name');
  if (name === '') throw new Error('a file without a name');
  const scope = text(file, 'package');
  const messages: MessageType[] = [];
  for (const message of records(file, 'messageType')) addMessage(messages, message, scope, 1);
  return {
    name,
    dependencies: list(file, 'dependency').map((value) => textOf(value, 'dependency')),
    services: records(file, 'service').map((service) => serviceOf(service, scope)),
    messages,
    bytes,
  };
}

function addMessage(messages: MessageType[], message: object, scope: string, depth: number): void {
  if (depth > deepestNesting) throw new Error(`messages nested deeper than ${deepestNesting}`);
  const name = fullName(scope, message);
  messages.push({ name, fields: records(message, 'field').map(fieldOf) });
  for (const nested of records(message, 'nestedType')) addMessage(messages, nested, name, depth + 1);
}

function fieldOf(field: object): FieldType {
  const number: unknown = Reflect.get(field, 'number');
  return {
    name: text(field, 'name'),
    number: typeof number === 'number' ? number : 0,
    type: constant(fieldTypes, 'TYPE_', Reflect.get(field, 'type')) ?? 'unknown',
    typeName: typeName(field, 'typeName'),
    label: constant(fieldLabels, 'LABEL_', Reflect.get(field, 'label')) ?? 'optional',
  };
}

function serviceOf(service: object, scope: string): ServiceContract {
  const name = fullName(scope, service);
  return { name, methods: records(service, 'method').map((method) => methodOf(method, name)) };
}

function methodOf(method: object, service: string): MethodContract {
  const options: unknown = Reflect.get(method, 'options') ?? {};
  const name = text(method, 'name');
  return {
    path: short(`/${service}/${name}`),
    name,
    requestStream: Reflect.get(method, 'clientStreaming') === true,
    responseStream: Reflect.get(method, 'serverStreaming') === true,
    inputType: typeName(method, 'inputType'),
    outputType: typeName(method, 'outputType'),
    idempotency: idempotencyOf(Reflect.get(record(options), 'idempotencyLevel')),
    levelStated: true,
  };
}

function fullName(scope: string, declared: object): string {
  const name = text(declared, 'name');
  return short(scope === '' ? name : `${scope}.${name}`);
}

function short(name: string): string {
  if (name.length > longestName) throw new Error(`a name of ${name.length} characters`);
  return name;
}

/** Descriptors refer to types by their full names behind a dot. */
function typeName(object: object, key: string): string | undefined {
  return text(object, key).replace(/^\./, '') || undefined;
}

/** Enums are numbers in most libraries, names in some. */
function constant<T extends string>(values: readonly T[], prefix: string, value: unknown): T | undefined {
  if (typeof value === 'number') return values[value - 1];
  return values.find((one) => value === `${prefix}${one.toUpperCase()}`);
}

function text(object: object, key: string): string {
  return textOf(Reflect.get(object, key) ?? '', key);
}

function textOf(value: unknown, key: string): string {
  if (typeof value !== 'string') throw new Error(`${key} is no text`);
  return value;
}

function list(object: object, key: string): readonly unknown[] {
  const value: unknown = Reflect.get(object, key) ?? [];
  if (!Array.isArray(value)) throw new Error(`${key} is no list`);
  return value;
}

function records(object: object, key: string): readonly object[] {
  return list(object, key).map(record);
}

function record(value: unknown): object {
  if (typeof value !== 'object' || value === null) throw new Error('not a message');
  return value;
}
