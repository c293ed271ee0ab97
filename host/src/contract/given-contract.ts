import { type AnyServiceDefinition, rpcMethods } from '@plugd/protocol/rpc/definition';
import { Contract } from './contract';
import { readDescriptorSet } from './descriptor-bytes';
import { type DescriptorFile, descriptorFile } from './descriptor-file';
import { idempotencyOf, type MethodContract } from './method-contract';
import { streamOptionsOf } from './stream-options';

/**
 * A google.protobuf.FileDescriptorSet: its bytes, such as `buf build -o x.binpb` or `protoc --descriptor_set_out` writes
 * them, or the message that a protobuf library decoded from them.
 */
export type DescriptorSet = Uint8Array | { readonly file: readonly object[] };

/** What tells of services: a definition (ts-proto's generic ones, grpc-js's, proto-loader's), or descriptors. */
export type ContractSource = AnyServiceDefinition | DescriptorSet;

/** The contract as an application gives it. Of two sources that tell of one method, the first one's word counts. */
export type ContractOption = ContractSource | readonly ContractSource[];

/** The contract that an application gave. */
export interface GivenContract {
  /** What it was read from. Bytes are copies. */
  readonly sources: readonly ContractSource[];
  readonly contract: Contract;
  /**
   * The services that a plugin has to serve. Definitions name them; descriptors do where there are no definitions, since
   * a set may also hold what it imports, and services that the host serves to the plugin.
   */
  readonly required: readonly string[];
}

/** @throws Error if it is no contract */
export function readContract(option: ContractOption = []): GivenContract {
  const listed: readonly ContractSource[] = isList(option) ? option : [option];
  const sources = listed.map((source) => (source instanceof Uint8Array ? Buffer.from(source) : source));
  const parts = sources.map(contractOf);
  const contract = parts.reduce((all, part) => all.over(part), Contract.empty);
  if (sources.length > 0 && contract.services.length === 0) throw new Error('it has no service');
  const defining = parts.filter((_, index) => !isDescriptorSet(sources[index]));
  const required = defining.length > 0 ? defining : parts;
  const names = required.flatMap(({ services }) => services.map(({ name }) => name));
  return { sources, contract, required: [...new Set(names)] };
}

/** The contract of one definition. @throws PluginError OPTIONS_INVALID if it is none */
export function contractOfDefinition(definition: AnyServiceDefinition): Contract {
  const methods = rpcMethods(definition).map(({ path, requestStream, responseStream, options }) => {
    const [, service = '', name = ''] = path.split('/');
    const method: MethodContract = {
      path,
      name,
      requestStream,
      responseStream,
      inputType: undefined,
      outputType: undefined,
      idempotency: idempotencyOf(levelOf(options)),
      levelStated: options !== undefined,
      ...streamOptionsOf(options),
    };
    return { name: service, methods: [method] };
  });
  if (methods.length === 0) throw new Error('a definition without a method');
  return new Contract({ services: methods });
}

/** The contract of files of descriptors. */
export function contractOfFiles(files: readonly DescriptorFile[]): Contract {
  return new Contract({
    services: files.flatMap(({ services }) => services),
    messages: files.flatMap(({ messages }) => messages),
    files,
  });
}

function contractOf(source: ContractSource): Contract {
  if (!isDescriptorSet(source)) return contractOfDefinition(source);
  const files =
    source instanceof Uint8Array
      ? readDescriptorSet(source)
      : source.file.map((decoded) => descriptorFile(decoded));
  if (files.length === 0) throw new Error('a set without a file');
  return contractOfFiles(files);
}

/** ts-proto and proto-loader write the option's name each in its own way. */
function levelOf(options: object | undefined): unknown {
  if (options === undefined) return undefined;
  return Reflect.get(options, 'idempotencyLevel') ?? Reflect.get(options, 'idempotency_level');
}

function isDescriptorSet(source: ContractSource | undefined): source is DescriptorSet {
  return source instanceof Uint8Array || Array.isArray(Object(source).file);
}

function isList(option: ContractOption): option is readonly ContractSource[] {
  return Array.isArray(option);
}
