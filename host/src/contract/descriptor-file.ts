import { type EnumType, type FieldType, fieldLabels, fieldTypes, type MessageType } from './message-type';
import { idempotencyOf, type MethodContract, type ServiceContract } from './method-contract';
import { streamOptionsOf } from './stream-options';

/** A file of a FileDescriptorSet, as far as a contract has to know it. */
export interface DescriptorFile {
  readonly name: string;
  /** Names of the files that it imports. */
  readonly dependencies: readonly string[];
  readonly services: readonly ServiceContract[];
  /** Nested ones too. */
  readonly messages: readonly MessageType[];
  /** Nested ones too. */
  readonly enums: readonly EnumType[];
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
  const types: Types = { messages: [], enums: [], tellsOneofs: bytes !== undefined };
  for (const message of records(file, 'messageType')) addMessage(types, message, scope, 1);
  for (const declared of records(file, 'enumType')) types.enums.push(enumOf(declared, scope));
  return {
    name,
    dependencies: list(file, 'dependency').map((value) => textOf(value, 'dependency')),
    services: records(file, 'service').map((service) => serviceOf(service, scope)),
    messages: types.messages,
    enums: types.enums,
    bytes,
  };
}

interface Types {
  readonly messages: MessageType[];
  readonly enums: EnumType[];
  readonly tellsOneofs: boolean;
}

function addMessage(types: Types, message: object, scope: string, depth: number): void {
  if (depth > deepestNesting) throw new Error(`messages nested deeper than ${deepestNesting}`);
  const name = fullName(scope, message);
  const { tellsOneofs } = types;
  const options = record(Reflect.get(message, 'options') ?? {});
  types.messages.push({
    name,
    fields: records(message, 'field').map((field) => fieldOf(field, tellsOneofs)),
    tellsOneofs,
    ...(Reflect.get(options, 'mapEntry') === true ? { mapEntry: true } : {}),
  });
  for (const declared of records(message, 'enumType')) types.enums.push(enumOf(declared, name));
  for (const nested of records(message, 'nestedType')) addMessage(types, nested, name, depth + 1);
}

function fieldOf(field: object, tellsOneofs: boolean): FieldType {
  const oneof = tellsOneofs ? oneofOf(field) : undefined;
  return {
    name: text(field, 'name'),
    number: numberOf(field),
    type: constant(fieldTypes, 'TYPE_', Reflect.get(field, 'type')) ?? 'unknown',
    typeName: typeName(field, 'typeName'),
    label: constant(fieldLabels, 'LABEL_', Reflect.get(field, 'label')) ?? 'optional',
    ...(oneof === undefined ? {} : { oneof }),
  };
}

/** Not of the oneofs that protoc makes for `optional` fields, each of which has one member. */
function oneofOf(field: object): number | undefined {
  if (!Object.hasOwn(field, 'oneofIndex') || Reflect.get(field, 'proto3Optional') === true) return undefined;
  const index: unknown = Reflect.get(field, 'oneofIndex');
  return typeof index === 'number' ? index : undefined;
}

function enumOf(declared: object, scope: string): EnumType {
  const values = records(declared, 'value').map((value) => ({
    name: text(value, 'name'),
    number: numberOf(value),
  }));
  return { name: fullName(scope, declared), values };
}

function numberOf(declared: object): number {
  const number: unknown = Reflect.get(declared, 'number');
  return typeof number === 'number' ? number : 0;
}

function serviceOf(service: object, scope: string): ServiceContract {
  const name = fullName(scope, service);
  return { name, methods: records(service, 'method').map((method) => methodOf(method, name)) };
}

function methodOf(method: object, service: string): MethodContract {
  const options = record(Reflect.get(method, 'options') ?? {});
  const name = text(method, 'name');
  return {
    path: short(`/${service}/${name}`),
    name,
    requestStream: Reflect.get(method, 'clientStreaming') === true,
    responseStream: Reflect.get(method, 'serverStreaming') === true,
    inputType: typeName(method, 'inputType'),
    outputType: typeName(method, 'outputType'),
    idempotency: idempotencyOf(Reflect.get(options, 'idempotencyLevel')),
    levelStated: true,
    ...streamOptionsOf(options),
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
