import { Grep } from './grep';
import type { LogEntry } from './log-entry';
import { checkQuery, type LogQuery, matches } from './log-query';
import {
  fileOf,
  type LiveLog,
  type LogPosition,
  type PlacedEntry,
  placeOfTail,
  readEntries,
} from './log-reader';

/** A record that was asked for. */
export interface ReadEntry {
  readonly entry: LogEntry;
  /** How many records, of all, were lost between the one before and this one. */
  readonly dropped: number;
}

/**
 * Reads a log from its files: see `LogBook.read`. Without `live` it ends with what is there, whoever writes it, or wrote it.
 *
 * Throws PluginError OPTIONS_INVALID at once.
 */
export function readLog(
  directory: string,
  query: LogQuery,
  signal: AbortSignal = new AbortController().signal,
  live?: LiveLog,
): AsyncIterable<ReadEntry> {
  checkQuery(query);
  return found(directory, query, signal, live);
}

async function* found(
  directory: string,
  query: LogQuery,
  signal: AbortSignal,
  live: LiveLog | undefined,
): AsyncGenerator<ReadEntry> {
  const grep = query.grep === undefined || query.grep === '' ? undefined : new Grep(query.grep);
  const find = async (batch: readonly PlacedEntry[]): Promise<readonly PlacedEntry[]> => {
    const some = batch.filter(({ entry }) => matches(entry, query));
    const flags = await grep?.test(some.map(({ entry }) => entry.message));
    return flags === undefined ? some : some.filter((_, index) => flags[index] === true);
  };
  try {
    const followed = query.follow === true ? live : undefined;
    const there = await beginning(directory, query, find, signal);
    // Without any file, as somebody has left it, there is what comes.
    const from = there ?? (followed && { file: followed.file, offset: 0 });
    if (from === undefined) return;
    let last: number | undefined;
    let dropped = 0;
    for await (const batch of readEntries(directory, from, signal, followed)) {
      const asked = new Set(await find(batch));
      for (const placed of batch) {
        const { entry } = placed;
        if (last !== undefined) dropped += Math.max(0, entry.sequence - last - 1);
        last = entry.sequence;
        if (!asked.has(placed)) continue;
        yield { entry, dropped };
        dropped = 0;
        if (signal.aborted) return;
      }
    }
  } finally {
    grep?.close();
  }
}

async function beginning(
  directory: string,
  { tail, sinceMs }: LogQuery,
  find: (batch: readonly PlacedEntry[]) => Promise<readonly PlacedEntry[]>,
  signal: AbortSignal,
): Promise<LogPosition | undefined> {
  const first = await fileOf(directory, sinceMs);
  // The proto's 0: all.
  if (first === undefined || tail === undefined || tail === 0) return first;
  return placeOfTail(directory, first, tail, find, signal);
}
