import { createHash } from 'node:crypto';
import { Contract } from './contract';
import { type DescriptorBudget, readDescriptorFile } from './descriptor-bytes';
import type { DescriptorFile } from './descriptor-file';
import { Shared } from './shared';

/** A file that a plugin told of, as others may have told of it too. */
export interface SharedFile extends DescriptorFile {
  /** Of its bytes. */
  readonly digest: string;
  /** What it costs of a budget. */
  readonly declarations: number;
}

/**
 * What plugins tell of themselves, once for all that tell the same: those of one program do, and those of one SDK have
 * most files in common. What is read takes many times the memory of its bytes, and longer than to compare them.
 */
export class SharedContracts {
  readonly #files = new Shared<SharedFile>();
  readonly #contracts = new Shared<Contract>();

  /** As {@link readDescriptorFile}; costs the budget the same whether it was known or not. */
  file(bytes: Uint8Array, budget: DescriptorBudget): SharedFile {
    // A stranger chooses the bytes: nobody must find others with the same digest, and speak for another plugin.
    const digest = sha256(bytes);
    let read = false;
    const file = this.#files.get(digest, () => {
      read = true;
      const before = budget.taken;
      const own = readDescriptorFile(bytes, budget);
      return { ...own, digest, declarations: budget.taken - before };
    });
    if (!read) budget.take(file.declarations);
    return file;
  }

  /** What a plugin lists is what it serves: a file also declares services that others serve. */
  contract(listed: ReadonlySet<string>, files: readonly SharedFile[]): Contract {
    const names = [...listed];
    const key = sha256(JSON.stringify([names, files.map(({ digest }) => digest)]));
    return this.#contracts.get(
      key,
      () =>
        new Contract({
          services: [
            ...files.flatMap(({ services }) => services.filter(({ name }) => listed.has(name))),
            ...names.map((name) => ({ name, methods: [] })),
          ],
          messages: files.flatMap(({ messages }) => messages),
          files,
        }),
    );
  }
}

function sha256(data: Uint8Array | string): string {
  return createHash('sha256').update(data).digest('base64');
}
