import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Uses up every block and every inode of the file system under a directory. Throws if it does not become full. */
export function fillDisk(directory: string): void {
  const filling = join(directory, 'filling');
  mkdirSync(filling);
  for (const size of [65_536, 1, 0]) {
    for (let i = 0; ; i++) {
      if (i > 10_000) throw new Error('this disk is not small');
      try {
        writeFileSync(join(filling, `${size}-${i}`), Buffer.alloc(size));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
        break;
      }
    }
  }
}

export function freeDisk(directory: string): void {
  rmSync(join(directory, 'filling'), { recursive: true, force: true });
}
