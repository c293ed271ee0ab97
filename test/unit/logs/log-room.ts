import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LogBook, type LogBookOptions } from '../../../host/src/logs/log-book';
import type { LogQuery } from '../../../host/src/logs/log-query';
import { type ReadEntry, readLog } from '../../../host/src/logs/read-log';

/** Directories for logs, and the books in them, until the end of a test. */
export class LogRoom {
  readonly #made: string[] = [];
  readonly #books: LogBook[] = [];

  directory(): string {
    const made = mkdtempSync(join(tmpdir(), 'plugd-logs-'));
    this.#made.push(made);
    return join(made, 'logs');
  }

  async open(options: Partial<LogBookOptions> = {}): Promise<LogBook> {
    const { directory = this.directory(), ...others } = options;
    const book = await LogBook.open({ directory, level: 'trace', ...others });
    this.#books.push(book);
    return book;
  }

  async clear(): Promise<void> {
    for (const book of this.#books.splice(0)) await book.close();
    for (const path of this.#made.splice(0)) rmSync(path, { recursive: true, force: true });
  }
}

export async function all(read: AsyncIterable<ReadEntry>): Promise<ReadEntry[]> {
  const found: ReadEntry[] = [];
  for await (const one of read) found.push(one);
  return found;
}

export const messages = async (read: AsyncIterable<ReadEntry>): Promise<string[]> =>
  (await all(read)).map(({ entry }) => entry.message);

export const onDisk = (directory: string, query: LogQuery = {}): Promise<string[]> =>
  messages(readLog(directory, query));

/** The names of the files there, the oldest first, and what is in them. */
export function filesOf(directory: string): { readonly name: string; readonly text: string }[] {
  const names = readdirSync(directory).sort();
  return names.map((name) => ({ name, text: readFileSync(join(directory, name), 'utf8') }));
}
