import { PluginError } from '@plugd/protocol/plugin-error';
import { readMessage } from '@plugd/protocol/read-message';

/** A file of a FileDescriptorSet, as far as reflection has to understand it. */
export interface DescriptorFile {
  readonly name: string;
  /** The FileDescriptorProto as it was given, byte for byte. */
  readonly bytes: Buffer;
  readonly dependencies: readonly string[];
}

/**
 * What a FileDescriptorSet declares, by name. Reads the wire itself: the descriptors are passed on as bytes,
 * and a whole protobuf runtime would only be loaded to find the names in them.
 */
export class DescriptorIndex {
  readonly #files = new Map<string, DescriptorFile>();
  readonly #symbols = new Map<string, DescriptorFile>();
  /** By extended message: number to file. */
  readonly #extensions = new Map<string, Map<number, DescriptorFile>>();

  /**
   * Adds the files of a set; a file that is known already stays as it was.
   * @throws PluginError DESCRIPTORS_INVALID
   */
  add(set: Uint8Array): void {
    const files: Uint8Array[] = [];
    try {
      readMessage(set, { 1: (file) => files.push(file) });
      for (const bytes of files) this.#addFile(bytes);
    } catch (cause) {
      throw new PluginError('DESCRIPTORS_INVALID', 'The descriptors are no FileDescriptorSet.', { cause });
    }
    if (set.length > 0 && files.length === 0) {
      throw new PluginError('DESCRIPTORS_INVALID', 'The descriptors hold no file.');
    }
  }

  file(name: string): DescriptorFile | undefined {
    return this.#files.get(name);
  }

  /** The file that declares a message, field, oneof, enum, enum value, service, method or extension. */
  fileOf(symbol: string): DescriptorFile | undefined {
    return this.#symbols.get(symbol);
  }

  fileOfExtension(type: string, number: number): DescriptorFile | undefined {
    return this.#extensions.get(type)?.get(number);
  }

  /** Numbers of the extensions of a message in rising order; undefined if the message is not known. */
  extensionNumbers(type: string): number[] | undefined {
    const numbers = this.#extensions.get(type);
    if (numbers === undefined) return this.#symbols.has(type) ? [] : undefined;
    return [...numbers.keys()].sort((a, b) => a - b);
  }

  /** The file and all that it imports, each once, the file first. */
  closure(file: DescriptorFile): DescriptorFile[] {
    const found = new Set([file]);
    for (const current of found) {
      for (const name of current.dependencies) {
        const dependency = this.#files.get(name);
        if (dependency !== undefined) found.add(dependency);
      }
    }
    return [...found];
  }

  #addFile(bytes: Uint8Array): void {
    let name = '';
    let scope = '';
    const dependencies: string[] = [];
    readMessage(bytes, {
      1: (value) => {
        name = text(value);
      },
      2: (value) => {
        scope = text(value);
      },
      3: (value) => dependencies.push(text(value)),
    });
    if (name === '') throw new Error('a file without a name');
    if (this.#files.has(name)) return;
    const file = { name, dependencies, bytes: Buffer.from(bytes) };
    this.#files.set(name, file);
    readMessage(bytes, {
      4: (message) => this.#addMessage(message, scope, file),
      5: (enumeration) => this.#addEnum(enumeration, scope, file),
      6: (service) =>
        this.#addNested(service, scope, file, { 2: (method, name) => this.#addNested(method, name, file) }),
      7: (extension) => this.#addExtension(extension, scope, file),
    });
  }

  #addMessage(bytes: Uint8Array, scope: string, file: DescriptorFile): void {
    this.#addNested(bytes, scope, file, {
      2: (field, name) => this.#addNested(field, name, file),
      3: (message, name) => this.#addMessage(message, name, file),
      4: (enumeration, name) => this.#addEnum(enumeration, name, file),
      6: (extension, name) => this.#addExtension(extension, name, file),
      8: (oneof, name) => this.#addNested(oneof, name, file),
    });
  }

  /** The values of an enum are siblings of the enum, not its children. */
  #addEnum(bytes: Uint8Array, scope: string, file: DescriptorFile): void {
    this.#addNested(bytes, scope, file, { 2: (value) => this.#addNested(value, scope, file) });
  }

  #addExtension(bytes: Uint8Array, scope: string, file: DescriptorFile): void {
    this.#addNested(bytes, scope, file);
    let extendee = '';
    let number = 0;
    readMessage(bytes, {
      2: (value) => {
        extendee = text(value).replace(/^\./, '');
      },
      3: (_bytes, value) => {
        number = value;
      },
    });
    const numbers = this.#extensions.get(extendee) ?? new Map<number, DescriptorFile>();
    this.#extensions.set(extendee, numbers.set(number, file));
  }

  /** Adds what has its name in field 1, then what is declared inside it. */
  #addNested(
    bytes: Uint8Array,
    scope: string,
    file: DescriptorFile,
    inside: Readonly<Record<number, (bytes: Uint8Array, name: string) => void>> = {},
  ): void {
    let name = scope;
    readMessage(bytes, {
      1: (value) => {
        name = scope === '' ? text(value) : `${scope}.${text(value)}`;
      },
    });
    this.#symbols.set(name, file);
    for (const [field, visit] of Object.entries(inside)) {
      readMessage(bytes, { [field]: (value: Uint8Array) => visit(value, name) });
    }
  }
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8');
