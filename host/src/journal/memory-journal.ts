import type { JsonValue } from '@plugd/protocol/json-value';
import type {
  Journal,
  JournaledOperation,
  OpenOperation,
  OperationHead,
  UnfinishedOperation,
} from './journal';
import { journalFailed } from './journal-refusal';
import { surplus } from './surplus';

interface Kept {
  readonly head: OperationHead;
  readonly plugin: string;
  readonly lines: JsonValue[];
  readonly beganAt: number;
  outcome: JsonValue | undefined;
  endedAt: number | undefined;
  ended: boolean;
}

/** The journal of a host that keeps nothing on disk: what it did can be read while it is there. */
export class MemoryJournal implements Journal {
  readonly problems = [];
  readonly #keep: { readonly perPlugin: number; readonly inAll: number };
  #operations: Kept[] = [];
  #closed = false;

  constructor(options: { readonly keepPerPlugin?: number; readonly keepInAll?: number } = {}) {
    this.#keep = { perPlugin: options.keepPerPlugin ?? 100, inAll: options.keepInAll ?? 2000 };
  }

  async begin(head: OperationHead): Promise<OpenOperation> {
    const kept: Kept = {
      head: structuredClone(head),
      plugin: head.plugin,
      lines: [],
      beganAt: Date.now(),
      outcome: undefined,
      endedAt: undefined,
      ended: false,
    };
    this.#expectOpen(kept);
    this.#operations.push(kept);
    return {
      head: kept.head,
      append: async (line) => {
        this.#expectOpen(kept);
        kept.lines.push(structuredClone(line));
      },
      end: async (outcome) => {
        this.#expectOpen(kept);
        const leaving = new Set(surplus(this.#operations, kept, this.#keep));
        this.#operations = this.#operations.filter((operation) => !leaving.has(operation));
        Object.assign(kept, { outcome: structuredClone(outcome), endedAt: Date.now(), ended: true });
      },
    };
  }

  async unfinished(): Promise<readonly UnfinishedOperation[]> {
    return [];
  }

  async operations(plugin?: string): Promise<readonly JournaledOperation[]> {
    return this.#operations
      .filter((operation) => plugin === undefined || operation.plugin === plugin)
      .map(({ head, lines, outcome, beganAt, endedAt }) => ({
        head,
        lines: [...lines],
        outcome,
        beganAt,
        endedAt,
      }));
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  #expectOpen({ plugin, ended }: Kept): void {
    if (this.#closed) throw journalFailed(`what is done with ${plugin}`, new Error('the journal is closed'));
    if (ended) throw journalFailed(`what is done with ${plugin}`, new Error('the operation has ended'));
  }
}
