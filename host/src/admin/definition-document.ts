import type { ServiceDefinition } from '@grpc/grpc-js';
import type { JsonObject } from '@plugd/protocol/json-value';
import type { Idempotency, MethodContract, ServiceContract } from '../contract/method-contract';
import { isRecord } from '../instance/option-check';

// A service definition is made of code. What a daemon needs of it is what it says of its methods.

const levels: Readonly<Record<Idempotency, string>> = {
  unknown: 'IDEMPOTENCY_UNKNOWN',
  'no-side-effects': 'NO_SIDE_EFFECTS',
  idempotent: 'IDEMPOTENT',
};

/** What a service definition says, for another process. */
export function definitionDocument({ name, methods }: ServiceContract): JsonObject {
  return { service: name, methods: methods.map(methodDocument) };
}

function methodDocument({
  name,
  requestStream,
  responseStream,
  idempotency,
  levelStated,
  resumable,
  mayBeCut,
}: MethodContract): JsonObject {
  return {
    name,
    requestStream,
    responseStream,
    ...(levelStated ? { idempotencyLevel: levels[idempotency] } : {}),
    ...(resumable === undefined ? {} : { resumable: { token: resumable.token, request: resumable.request } }),
    ...(mayBeCut === true ? { mayBeCut } : {}),
  };
}

/** The definition of a document, good for what it says alone: it encodes nothing. Undefined where the document is none. */
export function definitionFrom(document: unknown): ServiceDefinition | undefined {
  const { service, methods } = isRecord(document) ? document : {};
  if (typeof service !== 'string' || !Array.isArray(methods)) return undefined;
  const known = methods.map((method) => methodFrom(service, method));
  return known.includes(undefined) ? undefined : Object.assign({}, ...known);
}

function methodFrom(service: string, document: unknown): ServiceDefinition | undefined {
  if (!isRecord(document)) return undefined;
  const { name, requestStream, responseStream, idempotencyLevel, resumable, mayBeCut } = document;
  if (typeof name !== 'string' || name === '') return undefined;
  const method = {
    path: `/${service}/${name}`,
    requestStream: requestStream === true,
    responseStream: responseStream === true,
    requestSerialize: noCode,
    requestDeserialize: noCode,
    responseSerialize: noCode,
    responseDeserialize: noCode,
  };
  if ((idempotencyLevel ?? resumable ?? mayBeCut) === undefined) return { [name]: method };
  // What proto-loader adds to grpc-js's form.
  const options = {
    idempotency_level: idempotencyLevel,
    ...(resumable === undefined ? {} : { '(plugd.resumable)': resumable }),
    ...(mayBeCut === undefined ? {} : { '(plugd.may_be_cut)': mayBeCut }),
  };
  return { [name]: Object.assign(method, { options }) };
}

function noCode(): never {
  throw new Error('a definition from another process has no code');
}
