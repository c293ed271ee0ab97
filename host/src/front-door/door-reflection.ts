import { readFileSync } from 'node:fs';
import { status } from '@grpc/grpc-js';
import {
  ServerReflectionRequest,
  ServerReflectionResponse,
} from '@plugd/protocol/gen/grpc/reflection/v1/reflection';
import { printable } from '@plugd/protocol/printable';
import { reflectContract } from '../connection/reflected-contract';
import { Contract } from '../contract/contract';
import { readDescriptorSet } from '../contract/descriptor-bytes';
import type { LocalCall, LocalMethod } from './local-call';
import { type PublicFile, PublicFiles } from './public-files';
import { type FrontDoorPlugin, ownServices, type ServiceTable } from './service-table';

type Answer = NonNullable<ServerReflectionResponse['messageResponse']>;

/** How long a plugin is asked for what it says of itself, in milliseconds. */
const askLimitMs = 5_000;

/**
 * `grpc.reflection`, over all public services: their files, as the plugins' contracts have them. Both versions have the
 * same messages. Extensions are not told of. A call that names a plugin asks of it alone.
 */
export class DoorReflection {
  readonly #table: ServiceTable;
  /** What plugins said of themselves: a generation is asked once. */
  readonly #asked = new WeakMap<
    FrontDoorPlugin,
    { readonly generation: number; readonly contract: Promise<Contract> }
  >();
  #own: PublicFiles | undefined;

  constructor(table: ServiceTable) {
    this.#table = table;
  }

  readonly converse: LocalMethod = async function* (
    this: DoorReflection,
    requests: AsyncIterable<Uint8Array>,
    { plugin }: LocalCall,
  ) {
    // Two plugins may have files of one name: in one conversation the last one asked about comes first.
    let last: PublicFiles | undefined;
    for await (const bytes of requests) {
      const originalRequest = ServerReflectionRequest.decode(bytes);
      const { answer, from } = await this.#answer(originalRequest, plugin, last);
      last = from ?? last;
      const { host: validHost } = originalRequest;
      yield ServerReflectionResponse.encode({ validHost, originalRequest, messageResponse: answer }).finish();
    }
  }.bind(this);

  async #answer(
    { messageRequest: asked }: ServerReflectionRequest,
    plugin: string | undefined,
    last: PublicFiles | undefined,
  ): Promise<{ answer: Answer; from?: PublicFiles | undefined }> {
    switch (asked?.$case) {
      case 'listServices': {
        const names = [...this.#table.servicesFor(plugin).map(({ name }) => name), ...ownServices].sort();
        return {
          answer: { $case: 'listServicesResponse', value: { service: names.map((name) => ({ name })) } },
        };
      }
      case 'fileByFilename':
        return this.#files(plugin, last, 'file', asked.value, (files) => files.file(asked.value));
      case 'fileContainingSymbol':
        return this.#files(plugin, undefined, 'symbol', asked.value, (files) => files.fileOf(asked.value));
      case 'fileContainingExtension':
        return { answer: failure(status.NOT_FOUND, 'extensions are not told of here') };
      case 'allExtensionNumbersOfType':
        return this.#extensions(plugin, asked.value);
      default:
        return { answer: failure(status.UNIMPLEMENTED, 'the request asks for nothing that is known here') };
    }
  }

  async #files(
    plugin: string | undefined,
    first: PublicFiles | undefined,
    what: string,
    name: string,
    find: (files: PublicFiles) => PublicFile | undefined,
  ): Promise<{ answer: Answer; from?: PublicFiles }> {
    const libraries = await this.#libraries(plugin);
    for (const from of first === undefined ? libraries : [first, ...libraries]) {
      const file = find(from);
      if (file === undefined) continue;
      const fileDescriptorProto = from.withImports(file).map(({ bytes }) => Buffer.from(bytes));
      return { answer: { $case: 'fileDescriptorResponse', value: { fileDescriptorProto } }, from };
    }
    return { answer: failure(status.NOT_FOUND, `${what} ${printable(name)} is not known, or not public`) };
  }

  async #extensions(plugin: string | undefined, baseTypeName: string): Promise<{ answer: Answer }> {
    const known = (await this.#libraries(plugin)).some((files) => files.fileOf(baseTypeName) !== undefined);
    if (!known) return { answer: failure(status.NOT_FOUND, `type ${printable(baseTypeName)} is not known`) };
    const value = { baseTypeName, extensionNumber: [] };
    return { answer: { $case: 'allExtensionNumbersResponse', value } };
  }

  async #libraries(only: string | undefined): Promise<PublicFiles[]> {
    const plugins = new Map<FrontDoorPlugin, Set<string>>();
    for (const { name, plugin } of this.#table.servicesFor(only)) {
      plugins.set(plugin, (plugins.get(plugin) ?? new Set()).add(name));
    }
    const libraries = await Promise.all(
      [...plugins].map(async ([plugin, names]) => {
        const contract = await this.#contractOf(plugin);
        return new PublicFiles(contract, (service) => names.has(service));
      }),
    );
    this.#own ??= ownFiles();
    return [...libraries, this.#own];
  }

  /** Whoever can't be asked, or has nothing to say, only hides itself. */
  async #contractOf(plugin: FrontDoorPlugin): Promise<Contract> {
    const given = plugin.contract ?? Contract.empty;
    if (given.files.some(({ bytes }) => bytes !== undefined)) return given;
    const { generation, state } = plugin.status();
    if (state !== 'serving') return given;
    let asked = this.#asked.get(plugin);
    if (asked?.generation !== generation) {
      const contract = reflectContract(plugin.channel, { timeoutMs: askLimitMs }).then(
        (told) => told ?? Contract.empty,
      );
      asked = { generation, contract };
      this.#asked.set(plugin, asked);
    }
    try {
      return given.over(await asked.contract);
    } catch {
      // It may answer the next time.
      if (this.#asked.get(plugin) === asked) this.#asked.delete(plugin);
      return given;
    }
  }
}

/** Of what the front door serves itself. In a program bundled without them they are not described. */
function ownFiles(): PublicFiles {
  let files: Contract['files'] = [];
  try {
    files = readDescriptorSet(readFileSync(require.resolve('@plugd/protocol/gen/plugd.binpb')));
  } catch {}
  const services = files.flatMap((file) => file.services);
  return new PublicFiles(new Contract({ services, files }), (name) =>
    ownServices.some((own) => own === name),
  );
}

function failure(errorCode: number, errorMessage: string): Answer {
  return { $case: 'errorResponse', value: { errorCode, errorMessage } };
}
