import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { type ExecutableFormat, FORMAT_HEAD_BYTES, readFormat } from './executable-format';

/** A file that is to be run, as far as it can be told without running it. */
export interface Executable extends ExecutableFormat {
  readonly path: string;
  /** Permission bits as `ls` writes them: `-rwxr-xr-x`. */
  readonly mode: string;
  readonly owner: number;
  readonly group: number;
  readonly size: number;
  /** Its first bytes, for handlers that the system has registered; empty if it may not be read. */
  readonly head: Buffer;
}

/**
 * Reads what kind of file `path` is. Throws the system's error if it isn't there.
 *
 * At once, not through the thread pool: starting the program reads the same bytes, and holds up this thread anyway.
 */
export function inspectExecutable(path: string): Executable {
  const about = statSync(path);
  const head = about.isFile() ? readHead(path) : Buffer.alloc(0);
  return {
    path,
    mode: formatMode(about.mode, about.isDirectory()),
    owner: about.uid,
    group: about.gid,
    size: about.size,
    head,
    ...readFormat(head),
  };
}

function readHead(path: string): Buffer {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch {
    // A program may be runnable and yet not readable (mode 0711).
    return Buffer.alloc(0);
  }
  try {
    const buffer = Buffer.alloc(FORMAT_HEAD_BYTES);
    return buffer.subarray(0, readSync(file, buffer, 0, FORMAT_HEAD_BYTES, 0));
  } finally {
    closeSync(file);
  }
}

/** Permission bits as `ls -l` shows them. */
export function formatMode(mode: number, directory = false): string {
  const letters = 'rwxrwxrwx';
  let text = directory ? 'd' : '-';
  for (let i = 0; i < 9; i++) text += mode & (0o400 >> i) ? letters[i] : '-';
  return text;
}
