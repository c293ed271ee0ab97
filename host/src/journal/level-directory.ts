import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isSystemError } from '../artifact/system-error';

/** LevelDB ends a log at 4 MiB and a table at 2; a write is far smaller than the rest. */
const largest = 256 * 1024 * 1024;

export interface NumberedFile {
  readonly number: number;
  readonly name: string;
}

/** The files of a LevelDB. */
export class LevelDirectory {
  readonly #path: string;
  readonly tables: readonly NumberedFile[];
  readonly logs: readonly NumberedFile[];
  /** There is something to lose. */
  readonly used: boolean;

  private constructor(path: string, names: readonly string[]) {
    this.#path = path;
    this.tables = numbered(names, /^(\d+)\.(?:ldb|sst)$/);
    this.logs = numbered(names, /^(\d+)\.log$/);
    this.used = names.some((name) => /^(CURRENT|\d+\.(log|ldb|sst))$/.test(name));
  }

  static async list(path: string): Promise<LevelDirectory> {
    try {
      return new LevelDirectory(path, (await readdir(path)).sort());
    } catch (error) {
      if (isSystemError(error, 'ENOENT')) return new LevelDirectory(path, []);
      // Something else is in its place.
      if (isSystemError(error, 'ENOTDIR')) return new LevelDirectory(path, ['CURRENT']);
      throw error;
    }
  }

  /** The same, as if these tables and logs alone were there. */
  only(tables: (number: number) => boolean, logs: (number: number) => boolean): LevelDirectory {
    const left = [
      ...this.tables.filter(({ number }) => tables(number)),
      ...this.logs.filter(({ number }) => logs(number)),
    ];
    return new LevelDirectory(this.#path, left.map(({ name }) => name).sort());
  }

  /** Undefined: there is none by that name, or it is no such file. Throws what the file system says. */
  async read(name: string): Promise<Buffer | undefined> {
    const path = join(this.#path, name);
    try {
      const about = await stat(path);
      return about.isFile() && about.size <= largest ? await readFile(path) : undefined;
    } catch (error) {
      if (['ENOENT', 'ENOTDIR', 'ELOOP'].some((code) => isSystemError(error, code))) return undefined;
      throw error;
    }
  }
}

function numbered(names: readonly string[], kind: RegExp): NumberedFile[] {
  return names.flatMap((name) => {
    const number = kind.exec(name)?.[1];
    return number === undefined ? [] : [{ number: Number(number), name }];
  });
}
