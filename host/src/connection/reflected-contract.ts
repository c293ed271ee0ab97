import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ChannelInterface } from '@grpc/grpc-js';
import type { Contract } from '../contract/contract';
import { DescriptorBudget } from '../contract/descriptor-bytes';
import { SharedContracts, type SharedFile } from '../contract/shared-contracts';
import { openReflection, type ReflectionLimit, type ReflectionQuestion } from './reflection';

// What a plugin may have the host remember of it. Beyond any of these it is taken at no word.
const mostServices = 256;
const mostFiles = 1_000;
const mostBytes = 4 * 1024 * 1024;
/** What takes some ten milliseconds to read, during which nothing else is done. */
const mostDeclarations = 20_000;
/** A file comes with its imports from most servers; from the others one layer of them comes with each round. */
const mostRounds = 32;

/** Of all hosts of this process: it keeps nothing that none of them has. */
const contracts = new SharedContracts();

/**
 * The contract as the plugin tells it: the services that it lists, with what their files say of them; undefined if it
 * has no reflection. Throws if it can't be asked, and if what it tells is no contract or too much of one.
 */
export async function reflectContract(
  channel: ChannelInterface,
  { timeoutMs, signal }: ReflectionLimit,
): Promise<Contract | undefined> {
  const deadline = performance.now() + timeoutMs;
  const limit = (): ReflectionLimit => ({
    timeoutMs: Math.max(1, deadline - performance.now()),
    ...(signal === undefined ? {} : { signal }),
  });
  const answers = await openReflection(channel, limit());
  if (answers === undefined) return undefined;
  const listed = new Set(answers.services);
  if (listed.size > mostServices) throw new Error(`it lists ${listed.size} services`);

  const library = new Library();
  let questions: ReflectionQuestion[] = [...listed].map((value) => ({
    $case: 'fileContainingSymbol',
    value,
  }));
  for (let round = 0; questions.length > 0; round++) {
    if (round === mostRounds) throw new Error('its files import each other without an end');
    for await (const files of answers.files(questions, limit())) {
      for (const bytes of files) {
        library.add(bytes);
        // Whatever it sends, others get their turn between two files.
        await nextTurn();
      }
    }
    questions = library.takeMissing().map((value) => ({ $case: 'fileByFilename', value }));
  }
  return contracts.contract(listed, library.files);
}

/** The files that came, and those that they import. */
class Library {
  readonly #files = new Map<string, SharedFile>();
  /** Names of files that came or were asked for: none is asked for twice, also if no answer came. */
  readonly #known = new Set<string>();
  readonly #budget = new DescriptorBudget(mostDeclarations);
  #missing = new Set<string>();
  #bytes = 0;

  get files(): readonly SharedFile[] {
    return [...this.#files.values()];
  }

  add(bytes: Uint8Array): void {
    this.#bytes += bytes.length;
    if (this.#bytes > mostBytes) throw new Error(`its descriptors are larger than ${mostBytes} bytes`);
    const file = contracts.file(bytes, this.#budget);
    if (!this.#files.has(file.name)) this.#files.set(file.name, file);
    this.#known.add(file.name);
    for (const name of file.dependencies) this.#missing.add(name);
    if (this.#known.size + this.#missing.size > mostFiles)
      throw new Error(`it has more than ${mostFiles} files`);
  }

  /** Names of files that are imported, have not come, and were not asked for. */
  takeMissing(): string[] {
    const missing = [...this.#missing].filter((name) => !this.#known.has(name));
    this.#missing = new Set();
    for (const name of missing) this.#known.add(name);
    return missing;
  }
}
