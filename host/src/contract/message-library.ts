import {
  create,
  createFileRegistry,
  type DescMessage,
  type FileRegistry,
  fromBinary,
} from '@bufbuild/protobuf';
import {
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
} from '@bufbuild/protobuf/wkt';
import type { Contract } from './contract';
import type { DescriptorFile } from './descriptor-file';

/**
 * The types of a contract's messages with all that decoding them takes: what is packed, what has presence, which defaults
 * there are. Read file by file, when one of its messages is asked for.
 */
export class MessageLibrary {
  readonly #files: ReadonlyMap<string, DescriptorFile>;
  readonly #declaredIn = new Map<string, DescriptorFile>();
  readonly #read = new Map<DescriptorFile, FileRegistry | undefined>();
  #all: { readonly registry: FileRegistry | undefined } | undefined;

  constructor({ files }: Contract) {
    this.#files = new Map(files.map((file) => [file.name, file]));
    for (const file of files) for (const { name } of file.messages) this.#declaredIn.set(name, file);
  }

  /** Undefined where the descriptors don't tell, or are no good. */
  message(name: string): DescMessage | undefined {
    const file = this.#declaredIn.get(name);
    return file === undefined ? undefined : this.#registry(file)?.getMessage(name);
  }

  /** All of them, for what is packed in an Any; of the file alone where others are no good. Undefined: nor is that one. */
  registryFor(name: string): FileRegistry | undefined {
    const file = this.#declaredIn.get(name);
    if (file === undefined) return undefined;
    this.#all ??= { registry: this.#readFiles([...this.#files.values()]) };
    return this.#all.registry ?? this.#registry(file);
  }

  #registry(file: DescriptorFile): FileRegistry | undefined {
    if (this.#read.has(file)) return this.#read.get(file);
    const registry = this.#readFiles([file]);
    this.#read.set(file, registry);
    return registry;
  }

  #readFiles(files: readonly DescriptorFile[]): FileRegistry | undefined {
    try {
      return createFileRegistry(create(FileDescriptorSetSchema, { file: this.#withImports(files) }));
    } catch {
      // A plugin's own descriptors may be wrong: its answers are compared all the same, by their bytes.
      return undefined;
    }
  }

  /** Each file after those that it imports. */
  #withImports(roots: readonly DescriptorFile[]): FileDescriptorProto[] {
    const seen = new Set<string>();
    const sorted: FileDescriptorProto[] = [];
    const visit = (file: DescriptorFile): void => {
      if (seen.has(file.name) || file.bytes === undefined) return;
      seen.add(file.name);
      const proto = fromBinary(FileDescriptorProtoSchema, file.bytes);
      for (const name of proto.dependency) {
        const imported = this.#files.get(name);
        if (imported !== undefined) visit(imported);
      }
      // What is imported for options alone may be missing, and isn't missed.
      proto.dependency = proto.dependency.filter((name) => seen.has(name));
      proto.publicDependency = [];
      proto.weakDependency = [];
      sorted.push(proto);
    };
    for (const root of roots) visit(root);
    return sorted;
  }
}
