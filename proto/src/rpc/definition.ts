import type { ServiceDefinition } from '@grpc/grpc-js';
import { PluginError } from '../plugin-error';

/**
 * A message as ts-proto generates it. Methods, not function properties, on purpose: only so may a
 * `MessageType<GetRequest>` stand where a `MessageType<unknown>` is asked for.
 */
export interface MessageType<T> {
  encode(message: T): { finish(): Uint8Array };
  decode(input: Uint8Array): T;
  /** Absent where ts-proto ran with `outputPartialMethods=false`: then only whole messages can be sent. */
  fromPartial?(object: unknown): T;
}

/** One method of a {@link GenericServiceDefinition}. */
export interface GenericMethodDefinition {
  readonly name: string;
  readonly requestType: MessageType<unknown>;
  readonly requestStream: boolean;
  readonly responseType: MessageType<unknown>;
  readonly responseStream: boolean;
  readonly options: Readonly<Record<string, unknown>>;
}

/** A service as ts-proto writes it with `outputServices=generic-definitions`, such as `KvDefinition`. */
export interface GenericServiceDefinition {
  readonly name: string;
  readonly fullName: string;
  readonly methods: Readonly<Record<string, GenericMethodDefinition>>;
}

/** What clients and services are made from: ts-proto's generic definitions or grpc-js's (also proto-loader's). */
export type AnyServiceDefinition = GenericServiceDefinition | ServiceDefinition;

/** The methods of a definition of either form, by the name that code calls them. */
export type MethodsOf<Def extends AnyServiceDefinition> = Def extends GenericServiceDefinition
  ? Def['methods']
  : Def;

type Leaf = string | number | bigint | boolean | symbol | null | undefined | Date | Uint8Array | AnyFunction;
type AnyFunction = (...args: never[]) => unknown;

/** A message of which everything may be left out; what is left out has the default of its type. */
export type DeepPartial<T> = T extends Leaf
  ? T
  : T extends readonly (infer Element)[]
    ? readonly DeepPartial<Element>[]
    : T extends { $case: string; value: unknown }
      ? { $case: T['$case']; value?: DeepPartial<T['value']> | undefined }
      : T extends object
        ? { [Key in keyof T]?: DeepPartial<T[Key]> | undefined }
        : T;

/** What a client gives as request: for ts-proto's generic definitions any part of the message will do. */
export type RequestInput<Method> = Method extends { requestType: { decode(...input: never[]): infer T } }
  ? DeepPartial<T>
  : Method extends { requestSerialize: (value: infer T) => unknown }
    ? T
    : never;

/** What a service gets as request. */
export type RequestOutput<Method> = Method extends { requestType: { decode(...input: never[]): infer T } }
  ? T
  : Method extends { requestDeserialize: (...input: never[]) => infer T }
    ? T
    : never;

/** What a service gives as response: for ts-proto's generic definitions any part of the message will do. */
export type ResponseInput<Method> = Method extends { responseType: { decode(...input: never[]): infer T } }
  ? DeepPartial<T>
  : Method extends { responseSerialize: (value: infer T) => unknown }
    ? T
    : never;

/** What a client gets as response. */
export type ResponseOutput<Method> = Method extends { responseType: { decode(...input: never[]): infer T } }
  ? T
  : Method extends { responseDeserialize: (...input: never[]) => infer T }
    ? T
    : never;

/** A method of either form, ready to be called or served. */
export interface RpcMethod {
  /** The name that code calls it by. */
  readonly key: string;
  /** A second name, which proto-loader gives beside the first. */
  readonly alias: string | undefined;
  readonly path: string;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
  /** The method's options as its definition has them; undefined in definitions that can't carry any. */
  readonly options: object | undefined;
  readonly requestSerialize: (value: unknown) => Buffer;
  readonly requestDeserialize: (bytes: Buffer) => unknown;
  readonly responseSerialize: (value: unknown) => Buffer;
  readonly responseDeserialize: (bytes: Buffer) => unknown;
}

/** The methods of a definition of either form. @throws PluginError OPTIONS_INVALID if it is neither. */
export function rpcMethods(definition: AnyServiceDefinition): RpcMethod[] {
  if (typeof definition !== 'object' || definition === null) throw notADefinition();
  return isGeneric(definition) ? genericMethods(definition) : grpcMethods(definition);
}

// A grpc-js definition maps names to objects, so a string under `fullName` can only be the other form.
function isGeneric(definition: AnyServiceDefinition): definition is GenericServiceDefinition {
  return typeof Reflect.get(definition, 'fullName') === 'string';
}

function genericMethods(definition: GenericServiceDefinition): RpcMethod[] {
  return Object.entries(definition.methods).map(([key, method]) => ({
    key,
    alias: undefined,
    path: `/${definition.fullName}/${method.name}`,
    requestStream: method.requestStream,
    responseStream: method.responseStream,
    options: method.options,
    requestSerialize: serializer(method.requestType),
    requestDeserialize: (bytes) => method.requestType.decode(bytes),
    responseSerialize: serializer(method.responseType),
    responseDeserialize: (bytes) => method.responseType.decode(bytes),
  }));
}

function serializer(type: MessageType<unknown>): (value: unknown) => Buffer {
  return (value) => {
    const message = type.fromPartial === undefined ? value : type.fromPartial(value);
    const bytes = type.encode(message).finish();
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  };
}

function grpcMethods(definition: ServiceDefinition): RpcMethod[] {
  return Object.entries(definition).map(([key, method]) => {
    if (typeof method?.path !== 'string' || typeof method.requestSerialize !== 'function') {
      throw notADefinition();
    }
    return {
      key,
      alias: method.originalName,
      path: method.path,
      requestStream: method.requestStream,
      responseStream: method.responseStream,
      options: optionsOf(method),
      requestSerialize: method.requestSerialize,
      requestDeserialize: method.requestDeserialize,
      responseSerialize: method.responseSerialize,
      responseDeserialize: method.responseDeserialize,
    };
  });
}

// Only proto-loader's definitions have them, beyond what grpc-js knows.
function optionsOf(method: object): object | undefined {
  const options: unknown = Reflect.get(method, 'options');
  return typeof options === 'object' && options !== null ? options : undefined;
}

function notADefinition(): PluginError {
  return new PluginError(
    'OPTIONS_INVALID',
    "The service definition is neither one of ts-proto's generic definitions nor a grpc-js ServiceDefinition.",
  );
}
