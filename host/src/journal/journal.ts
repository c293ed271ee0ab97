import type { JsonObject, JsonValue } from '@plugd/protocol/json-value';
import type { PluginError } from '@plugd/protocol/plugin-error';

/** What an operation is: whatever its owner wants to find again, and these two. */
export type OperationHead = JsonObject & { readonly id: string; readonly plugin: string };

export interface AppendOptions {
  /**
   * Default true: the line is there even if the machine loses its power now. False: only if this process is killed; it is
   * safe from both when a later line is, and costs some hundredths of a millisecond instead of a write of the disk.
   */
  readonly sync?: boolean;
}

/** An operation that has no end yet. Lines are in the order of the calls. */
export interface OpenOperation {
  readonly head: OperationHead;
  /** Resolves when the line is kept. Throws PluginError JOURNAL_FAILED; then it is not, and the next may be. */
  append(line: JsonValue, options?: AppendOptions): Promise<void>;
  /** Says how it ended; nothing can be added any more. Throws PluginError JOURNAL_FAILED. */
  end(outcome: JsonValue): Promise<void>;
}

/** One that an earlier host began and did not end: it was killed, or could not write. */
export interface UnfinishedOperation extends OpenOperation {
  readonly lines: readonly JsonValue[];
  /** The wall clock, in ms since 1970: for people. */
  readonly beganAt: number;
  /**
   * False where the journal was damaged in a way that may have cost lines, or the end: what the lines say was done may not
   * be all. Then it is safe to take no more from it than that the operation was begun.
   */
  readonly intact: boolean;
}

/** One of those that can be read. */
export interface JournaledOperation {
  readonly head: OperationHead;
  readonly lines: readonly JsonValue[];
  /** Undefined: it has no end. */
  readonly outcome: JsonValue | undefined;
  /** By the wall clock, in ms since 1970: for people. */
  readonly beganAt: number;
  readonly endedAt: number | undefined;
}

/**
 * What a host does that a killed host's successor has to know of: a line before each step. What has resolved is kept, whatever
 * happens to the process; of what has not, at most the line that was being written.
 */
export interface Journal {
  /** What was wrong with what was found at the start, and what was done about it. For the host's log. */
  readonly problems: readonly PluginError[];
  /** Throws PluginError JOURNAL_FAILED; then nothing was begun. */
  begin(head: OperationHead): Promise<OpenOperation>;
  /** What was found at the start and has no end yet, the oldest first. */
  unfinished(): Promise<readonly UnfinishedOperation[]>;
  /** All that are kept, or those of a plugin, the oldest first: those under way, and a number of those that ended. */
  operations(plugin?: string): Promise<readonly JournaledOperation[]>;
  /** Waits for what is being written. Operations under way stay without an end. */
  close(): Promise<void>;
}
