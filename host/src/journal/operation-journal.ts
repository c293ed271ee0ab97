import type { JsonValue } from '@plugd/protocol/json-value';
import type { PluginError } from '@plugd/protocol/plugin-error';
import { openPrivateDirectory } from '../state/private-directory';
import type {
  AppendOptions,
  Journal,
  JournaledOperation,
  OpenOperation,
  OperationHead,
  UnfinishedOperation,
} from './journal';
import { allKeys, encode, endKey, headKey, journalFormat, keysOf, lineKey, metaKey } from './journal-record';
import { journalFailed } from './journal-refusal';
import type { LevelFiles } from './level-files';
import { OperationReader, type ReadOperation } from './operation-reader';
import { openFiles } from './salvage';
import { surplus } from './surplus';

export interface OperationJournalOptions {
  /** Made, 0700, if it is missing; nobody but this user may come into it. For nothing else. */
  readonly directory: string;
  /** How many operations that ended are kept of each plugin, for reading. Default 100. */
  readonly keepPerPlugin?: number;
  /** And of all together. Default 2000. */
  readonly keepInAll?: number;
}

/** What is remembered of an operation; its lines are read when they are asked for. */
interface Entry {
  readonly number: number;
  readonly plugin: string;
  /** How many there are. */
  lines: number;
  ended: boolean;
  /** For one that was found without an end: whether all of it may be believed. */
  readonly found?: { readonly intact: boolean };
}

type JournalRecord = readonly [key: string, text: string];

/** A journal on disk, which belongs to one host at a time. */
export class OperationJournal implements Journal {
  readonly problems: readonly PluginError[];
  readonly #files: LevelFiles;
  readonly #keep: { readonly perPlugin: number; readonly inAll: number };
  readonly #entries = new Map<number, Entry>();
  /** How many records are known to be there, beside the one that says so. */
  #records = 0;
  #next = 1;
  /** Keys of writes that failed, since the last one that did not: nobody knows whether they are there. */
  #uncertain: readonly string[] = [];
  #closed: Promise<void> | undefined;
  /** What is being written. */
  #tail: Promise<unknown> = Promise.resolve();

  private constructor(
    files: LevelFiles,
    problems: readonly PluginError[],
    { keepPerPlugin = 100, keepInAll = 2000 }: OperationJournalOptions,
  ) {
    this.#files = files;
    this.problems = problems;
    this.#keep = { perPlugin: keepPerPlugin, inAll: keepInAll };
  }

  /** Throws PluginError STATE_DIR_IN_USE, STATE_DIR_UNUSABLE, STATE_FORMAT_NEWER. Damage is told of in `problems`. */
  static async open(options: OperationJournalOptions): Promise<OperationJournal> {
    const { directory } = options;
    await openPrivateDirectory(directory);
    const { files, reader, problem } = await openFiles(directory);
    const journal = new OperationJournal(files, problem === undefined ? [] : [problem], options);
    journal.#takeOver(reader);
    return journal;
  }

  async begin(head: OperationHead): Promise<OpenOperation> {
    const text = JSON.stringify({ head, at: Date.now() });
    return this.#inTurn(`the begin of an operation on ${head.plugin}`, async () => {
      const entry: Entry = { number: this.#next, plugin: head.plugin, lines: 0, ended: false };
      await this.#write([[headKey(entry.number), text]], [], true);
      this.#next += 1;
      this.#entries.set(entry.number, entry);
      return this.#operation(head, entry);
    });
  }

  async unfinished(): Promise<readonly UnfinishedOperation[]> {
    const found: UnfinishedOperation[] = [];
    for (const entry of this.#entries.values()) {
      if (entry.found === undefined || entry.ended) continue;
      const operation = await this.#read(entry.number);
      if (operation === undefined) continue;
      const { head, lines, beganAt } = operation;
      found.push({ ...this.#operation(head, entry), lines, beganAt, intact: entry.found.intact });
    }
    return found;
  }

  async operations(plugin?: string): Promise<readonly JournaledOperation[]> {
    const operations: JournaledOperation[] = [];
    for (const entry of [...this.#entries.values()]) {
      if (plugin !== undefined && entry.plugin !== plugin) continue;
      const operation = await this.#read(entry.number);
      if (operation === undefined) continue;
      const { head, lines, outcome, beganAt, endedAt } = operation;
      operations.push({ head, lines, outcome, beganAt, endedAt });
    }
    return operations;
  }

  close(): Promise<void> {
    this.#closed ??= this.#tail.then(() => this.#files.close());
    return this.#closed;
  }

  #operation(head: OperationHead, entry: Entry): OpenOperation {
    const what = `a line of the operation ${head.id} on ${entry.plugin}`;
    return {
      head,
      append: (line: JsonValue, { sync = true }: AppendOptions = {}) => {
        const text = JSON.stringify({ line });
        return this.#inTurn(what, async () => {
          expectOpen(entry);
          await this.#write([[lineKey(entry.number, entry.lines), text]], [], sync);
          entry.lines += 1;
        });
      },
      end: (outcome: JsonValue) => {
        const outcomeText = JSON.stringify(outcome);
        return this.#inTurn(what, async () => {
          expectOpen(entry);
          const text = `{"outcome":${outcomeText},"lines":${entry.lines},"at":${Date.now()}}`;
          await this.#end(entry, text);
        });
      },
    };
  }

  async #end(entry: Entry, text: string): Promise<void> {
    const leaving = surplus([...this.#entries.values()], entry, this.#keep);
    const remove: string[] = [];
    for (const { number } of leaving) remove.push(...(await this.#files.keys(keysOf(number))));
    await this.#write([[endKey(entry.number), text]], remove, true);
    entry.ended = true;
    for (const { number } of leaving) this.#entries.delete(number);
  }

  /** One write after the other: a line must not be kept without the one before it. */
  #inTurn<T>(what: string, work: () => Promise<T>): Promise<T> {
    if (this.#closed !== undefined) {
      return Promise.reject(journalFailed(what, new Error('the journal is closed')));
    }
    const done = this.#tail.then(work).catch((error: unknown) => {
      throw journalFailed(what, error);
    });
    this.#tail = done.catch(() => {});
    return done;
  }

  /** Whoever takes a write that failed for one that was not made is right, once the next one is made. */
  async #write(put: readonly JournalRecord[], remove: readonly string[], sync: boolean): Promise<void> {
    const keys = put.map(([key]) => key);
    const gone = this.#uncertain.length === 0 ? remove : await this.#settle(keys, remove);
    const records = this.#records + put.length - gone.length;
    const meta = [metaKey, JSON.stringify({ format: journalFormat, records })] as const;
    this.#uncertain = [...this.#uncertain, ...keys];
    await this.#files.write({
      put: [...put, meta].map(([key, text]) => ({ key, value: encode(key, text) })),
      remove: gone,
      sync,
    });
    this.#uncertain = [];
    this.#records = records;
  }

  /** Counts anew, without what is about to be written. Gives what has to go beside it. */
  async #settle(put: readonly string[], remove: readonly string[]): Promise<string[]> {
    const there = new Set(await this.#files.keys(allKeys));
    for (const key of put) there.delete(key);
    this.#records = there.size;
    return [...new Set([...remove, ...this.#uncertain])].filter((key) => there.has(key));
  }

  async #read(number: number): Promise<ReadOperation | undefined> {
    await this.#tail;
    const reader = new OperationReader();
    try {
      for await (const [key, value] of this.#files.entries(keysOf(number))) reader.add(key, value);
    } catch (cause) {
      throw journalFailed('what it was to read', cause);
    }
    reader.finish();
    return reader.operations[0];
  }

  #takeOver({ operations, records }: OperationReader): void {
    this.#records = records;
    const latest = new Map(operations.map(({ head, number }) => [head.plugin, number]));
    for (const { number, head, lines, outcome, doubtful } of operations) {
      const entry = { number, plugin: head.plugin, lines: lines.length, ended: outcome !== undefined };
      // There is one operation at a time on a plugin: if a later one was begun, this one had ended.
      const intact = !doubtful && latest.get(head.plugin) === number;
      this.#entries.set(number, entry.ended ? entry : { ...entry, found: { intact } });
      this.#next = Math.max(this.#next, number + 1);
    }
  }
}

function expectOpen({ ended }: Entry): void {
  if (ended) throw new Error('the operation has ended');
}
