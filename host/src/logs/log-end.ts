import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { longestLineBytes, parseEntry } from './log-entry';
import { listLogFilesNow, logFilePath } from './log-files';

/** No file of ours is longer, unless somebody wants it to be. */
const mostBytes = 64 * 1024 * 1024;

/** Where an earlier writer stopped. */
export interface LogEnd {
  /** Of the last record, one that was cut off included; 0: there is none. */
  readonly sequence: number;
  /** Whether the last record was cut off. */
  readonly torn: boolean;
  /** Whether the last file ends with the end of a line. */
  readonly whole: boolean;
}

/** Looks for it from the last file backwards. Throws what the system says. */
export function lastRecord(directory: string): LogEnd {
  let torn = false;
  let whole = true;
  for (const [index, number] of listLogFilesNow(directory).reverse().entries()) {
    const path = logFilePath(directory, number);
    const near = lastLines(path, 2 * longestLineBytes);
    // Behind the last record there may be anything, if somebody else has written into the file.
    const lines = near.some((line) => parseEntry(line) !== undefined) ? near : lastLines(path, mostBytes);
    const rest = lines.pop() ?? '';
    const restEntry = parseEntry(rest);
    if (index === 0) {
      whole = rest === '';
      torn = !whole && restEntry === undefined;
    }
    if (restEntry !== undefined) return { sequence: restEntry.sequence, torn, whole };
    for (const line of lines.reverse()) {
      const entry = parseEntry(line);
      if (entry !== undefined) return { sequence: entry.sequence + (torn ? 1 : 0), torn, whole };
    }
  }
  return { sequence: torn ? 1 : 0, torn, whole };
}

/** The last of them is what stands behind the last line feed. */
function lastLines(path: string, mostBytes: number): string[] {
  const file = openSync(path, 'r');
  try {
    const { size } = fstatSync(file);
    const length = Math.min(size, mostBytes);
    const bytes = Buffer.alloc(length);
    let read = 0;
    while (read < length) {
      const count = readSync(file, bytes, read, length - read, size - length + read);
      if (count === 0) break;
      read += count;
    }
    return bytes.subarray(0, read).toString('utf8').split('\n');
  } finally {
    closeSync(file);
  }
}
