import { BinaryWriter } from '@bufbuild/protobuf/wire';
import type { Contract } from '../contract/contract';
import type { DescriptorFile } from '../contract/descriptor-file';

/** `FileDescriptorSet.file`, which is bytes for who writes the wire. */
const fileField = 1;

/** A contract's files as a FileDescriptorSet, each before those that import it. What is known without bytes is left out. */
export function descriptorSet(contract: Contract): Uint8Array {
  const writer = new BinaryWriter();
  for (const { bytes } of importsFirst(contract.files))
    if (bytes !== undefined) writer.uint32((fileField << 3) | 2).bytes(bytes);
  return writer.finish();
}

function importsFirst(files: readonly DescriptorFile[]): DescriptorFile[] {
  const left = new Map(files.map((file) => [file.name, file]));
  const ordered: DescriptorFile[] = [];
  const place = (file: DescriptorFile): void => {
    // Taken away first: files that import each other in a ring are no reason to go round for ever.
    if (!left.delete(file.name)) return;
    for (const name of file.dependencies) {
      const imported = left.get(name);
      if (imported !== undefined) place(imported);
    }
    ordered.push(file);
  };
  for (const file of files) place(file);
  return ordered;
}
