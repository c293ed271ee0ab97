import type { Contract } from './contract';
import type { FieldType } from './message-type';
import type { MethodContract } from './method-contract';

/** Where a resumable stream has its token, on the wire. */
export interface ResumeFields {
  /** The field's number in the answer. */
  readonly token: number;
  /** The field's number in the request. */
  readonly request: number;
  /** How both are written. */
  readonly wireType: 0 | 1 | 2 | 5;
  /** What both hold: of two contracts, tokens of different types don't fit each other. */
  readonly type: string;
}

/** The fields of a method that says it is resumable; a sentence's end where it can't be. */
export function resumeFields(contract: Contract, method: MethodContract): ResumeFields | string {
  const { resumable, inputType, outputType } = method;
  if (resumable === undefined) return 'it does not say that it is';
  if (method.requestStream || !method.responseStream)
    return 'only a method with one request and a stream of answers can be';
  const token = fieldOf(contract, outputType, resumable.token);
  if (typeof token === 'string') return token;
  const request = fieldOf(contract, inputType, resumable.request);
  if (typeof request === 'string') return request;
  const wireType = wireTypes[token.type];
  if (wireType === undefined) return `${token.name} has a type that no token can have`;
  const type = typeOf(token);
  if (typeOf(request) !== type)
    return `${token.name} is of type ${type}, ${request.name} of type ${typeOf(request)}`;
  return { token: token.number, request: request.number, wireType, type };
}

function fieldOf(contract: Contract, type: string | undefined, name: string): FieldType | string {
  if (name === '') return 'it names no token';
  const message = type === undefined ? undefined : contract.message(type);
  if (message === undefined)
    return 'nobody tells of its messages: the plugin needs reflection with descriptors, or the contract has to be given as descriptors';
  const field = message.fields.find((one) => one.name === name);
  if (field === undefined) return `${message.name} has no field ${name}`;
  return field.label === 'repeated' ? `${message.name}.${name} is repeated` : field;
}

const typeOf = ({ type, typeName }: FieldType): string => typeName ?? type;

const wireTypes: { readonly [type in FieldType['type']]: ResumeFields['wireType'] | undefined } = {
  double: 1,
  float: 5,
  int64: 0,
  uint64: 0,
  int32: 0,
  fixed64: 1,
  fixed32: 5,
  bool: 0,
  string: 2,
  group: undefined,
  message: 2,
  bytes: 2,
  uint32: 0,
  enum: 0,
  sfixed32: 5,
  sfixed64: 1,
  sint32: 0,
  sint64: 0,
  unknown: undefined,
};
