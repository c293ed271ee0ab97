import type { Contract } from '../contract/contract';
import type { DescriptorFile } from '../contract/descriptor-file';

/** A file whose bytes can be passed on. */
export type PublicFile = DescriptorFile & { readonly bytes: Uint8Array };

/**
 * The files of a contract that declare some of its services, with all that they import: what reflection may show of it,
 * by name.
 */
export class PublicFiles {
  readonly #files = new Map<string, PublicFile>();
  readonly #symbols = new Map<string, PublicFile>();

  /** @param isPublic whether a service may be seen */
  constructor(contract: Contract, isPublic: (service: string) => boolean) {
    const all = new Map(contract.files.flatMap((file) => (hasBytes(file) ? [[file.name, file]] : [])));
    const declaring = [...all.values()].filter(({ services }) => services.some(({ name }) => isPublic(name)));
    for (const file of closure(declaring, all)) {
      this.#files.set(file.name, file);
      this.#addSymbols(file, isPublic);
    }
  }

  file(name: string): PublicFile | undefined {
    return this.#files.get(name);
  }

  /** The file that declares a service, method, message, field, enum or value of an enum. */
  fileOf(symbol: string): PublicFile | undefined {
    return this.#symbols.get(symbol);
  }

  /** The file and all that it imports, each once, the file first. */
  withImports(file: PublicFile): PublicFile[] {
    return [...closure([file], this.#files)];
  }

  #addSymbols(file: PublicFile, isPublic: (service: string) => boolean): void {
    const add = (name: string): void => {
      if (!this.#symbols.has(name)) this.#symbols.set(name, file);
    };
    for (const { name, methods } of file.services) {
      if (!isPublic(name)) continue;
      add(name);
      for (const method of methods) add(`${name}.${method.name}`);
    }
    for (const { name, fields } of file.messages) {
      add(name);
      for (const field of fields) add(`${name}.${field.name}`);
    }
    for (const { name, values } of file.enums) {
      add(name);
      // Values are siblings of their enum.
      const scope = name.slice(0, name.lastIndexOf('.') + 1);
      for (const value of values) add(`${scope}${value.name}`);
    }
  }
}

function closure(from: Iterable<PublicFile>, all: ReadonlyMap<string, PublicFile>): Set<PublicFile> {
  const found = new Set(from);
  for (const { dependencies } of found) {
    for (const name of dependencies) {
      const file = all.get(name);
      if (file !== undefined) found.add(file);
    }
  }
  return found;
}

function hasBytes(file: DescriptorFile): file is PublicFile {
  return file.bytes !== undefined;
}
