import { type FileHandle, open, stat } from 'node:fs/promises';
import { isSystemError } from '../artifact/system-error';
import { type LogEntry, longestLineBytes, parseEntry } from './log-entry';
import { listLogFiles, logFilePath } from './log-files';

const chunkBytes = 64 * 1024;
const lineFeed = 0x0a;

/** A place in the log. */
export interface LogPosition {
  readonly file: number;
  readonly offset: number;
}

/** A record, and where it begins. */
export interface PlacedEntry extends LogPosition {
  readonly entry: LogEntry;
}

/** What is still being written to. */
export interface LiveLog {
  /** How often something was written. */
  readonly writes: number;
  /** The number of the file that is written to. */
  readonly file: number;
  /** Resolves when something has been written since then, or nothing will be, or who waits gives up. */
  written(since: number, signal: AbortSignal): Promise<void>;
  /** Whether nothing more will be written. */
  readonly closed: boolean;
}

/**
 * The whole records of a log from a place on, in batches, as they are asked for: at no time is more in memory than a few of
 * them. With `live` it goes on with what is written, over rotations. Lines that are no records are left out.
 */
export async function* readEntries(
  directory: string,
  from: LogPosition,
  signal: AbortSignal,
  live?: LiveLog,
): AsyncGenerator<readonly PlacedEntry[]> {
  let { file, offset } = from;
  for (;;) {
    yield* readOne(directory, { file, offset }, signal, live);
    const former = file;
    for (let next: number | undefined; next === undefined; ) {
      const { writes, closed } = live ?? { writes: 0, closed: true };
      if (signal.aborted) return;
      next = (await listLogFiles(directory)).find((number) => number > former);
      if (next !== undefined) [file, offset] = [next, 0];
      else if (live === undefined || closed) return;
      // Somebody has taken the files away: sooner or later the next one is begun.
      else await live.written(writes, signal);
    }
  }
}

/** Of one file; with `live`, until that is full. */
async function* readOne(
  directory: string,
  { file, offset }: LogPosition,
  signal: AbortSignal,
  live: LiveLog | undefined,
): AsyncGenerator<readonly PlacedEntry[]> {
  const handle = await openIfThere(logFilePath(directory, file));
  if (handle === undefined) return;
  try {
    const lines = new FileLines(handle, file, offset);
    for (;;) {
      // What is asked before the file is read to its end: nothing is written to it any more once there is a next one.
      const { writes, closed } = live ?? { writes: 0, closed: true };
      const full = live === undefined || live.file > file;
      for (let batch = await lines.next(); batch !== undefined; batch = await lines.next()) {
        if (signal.aborted) return;
        if (batch.length > 0) yield batch;
      }
      if (full || closed || signal.aborted) return;
      await live.written(writes, signal);
    }
  } finally {
    await handle.close();
  }
}

/**
 * Where the last so many records begin that are asked for; where the first of them is, if there are fewer; somewhere behind all
 * that isn't asked for, if there is none. It reads the latest file first, and no more files than it has to.
 *
 * @param first before it there is nothing that is asked for
 */
export async function placeOfTail(
  directory: string,
  first: LogPosition,
  count: number,
  find: (batch: readonly PlacedEntry[]) => Promise<readonly PlacedEntry[]>,
  signal: AbortSignal,
): Promise<LogPosition> {
  const files = (await listLogFiles(directory)).filter((file) => file >= first.file).reverse();
  let earliest = { file: files[0] ?? first.file, offset: 0 };
  let wanted = count;
  for (const file of files) {
    const found: LogPosition[] = [];
    for await (const batch of readOne(directory, { file, offset: 0 }, signal, undefined)) {
      for (const { offset } of await find(batch)) found.push({ file, offset });
      if (found.length > 2 * wanted + 1_000) found.splice(0, found.length - wanted);
    }
    earliest = found.at(-wanted) ?? found[0] ?? earliest;
    if (found.length >= wanted) break;
    wanted -= found.length;
  }
  return earliest;
}

/** The first file with anything of that time in it; the last one, if there is none. */
export async function fileOf(
  directory: string,
  sinceMs: number | undefined,
): Promise<LogPosition | undefined> {
  const files = await listLogFiles(directory);
  for (const file of files) {
    const about = sinceMs === undefined ? undefined : await statIfThere(logFilePath(directory, file));
    // It was written to for the last time before that.
    const older = about !== undefined && sinceMs !== undefined && about.mtimeMs < sinceMs;
    if (!older || file === files.at(-1)) return { file, offset: 0 };
  }
  return undefined;
}

/** Records of one file, a chunk at a time. */
class FileLines {
  readonly #chunk = Buffer.allocUnsafeSlow(chunkBytes);
  #rest: Buffer = Buffer.alloc(0);
  /** Within a line that is longer than any of ours. */
  #skipping = false;
  #position: number;

  constructor(
    private readonly handle: FileHandle,
    private readonly file: number,
    offset: number,
  ) {
    this.#position = offset;
  }

  /** Those whose lines end in the next chunk, often none; undefined: it is read to its end. */
  async next(): Promise<readonly PlacedEntry[] | undefined> {
    const { bytesRead } = await this.handle.read(this.#chunk, 0, chunkBytes, this.#position);
    if (bytesRead === 0) return undefined;
    const start = this.#position - this.#rest.length;
    this.#position += bytesRead;
    const bytes = Buffer.concat([this.#rest, this.#chunk.subarray(0, bytesRead)]);
    const found: PlacedEntry[] = [];
    let from = 0;
    for (let to = bytes.indexOf(lineFeed); to >= 0; to = bytes.indexOf(lineFeed, from)) {
      const entry = this.#skipping ? undefined : parseEntry(bytes.toString('utf8', from, to));
      this.#skipping = false;
      if (entry !== undefined) found.push({ file: this.file, offset: start + from, entry });
      from = to + 1;
    }
    this.#rest = bytes.subarray(from);
    if (this.#rest.length > 2 * longestLineBytes) {
      this.#rest = Buffer.alloc(0);
      this.#skipping = true;
    }
    return found;
  }
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  return ifThere(() => open(path, 'r'));
}

const statIfThere = (path: string) => ifThere(() => stat(path));

/** Undefined where it has been rotated away meanwhile. */
async function ifThere<T>(look: () => Promise<T>): Promise<T | undefined> {
  try {
    return await look();
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return undefined;
    throw error;
  }
}
