import { closeSync, fstatSync, mkdtempSync, openSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const mostBytes = 4_000;

/** What a program says before it can write a log: in a file without a name, which goes with the last process that has it open. */
export class LastWords {
  /** For the program to write to. */
  readonly file: number;

  constructor() {
    const directory = mkdtempSync(join(tmpdir(), 'plugd-start-'));
    try {
      this.file = openSync(join(directory, 'stderr'), 'wx+', 0o600);
    } finally {
      // At once: whoever is ended by a signal takes nothing away any more.
      rmSync(directory, { recursive: true, force: true });
    }
  }

  /** The latest of it. */
  read(): string {
    const { size } = fstatSync(this.file);
    const bytes = Buffer.alloc(Math.min(size, mostBytes));
    const length = readSync(this.file, bytes, 0, bytes.length, size - bytes.length);
    return bytes.toString('utf8', 0, length);
  }

  close(): void {
    closeSync(this.file);
  }
}
