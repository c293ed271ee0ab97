import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

/** It is a pipe, a device or a directory by now. */
export class NoPlainFile extends Error {}

/** To open a pipe would be to wait for whoever writes to it. Windows has no such flag, and no such pipes. */
const flags = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/** Opens a file for reading. Throws the system's error, and NoPlainFile. */
export async function openPlainFile(path: string): Promise<FileHandle> {
  const file = await open(path, flags);
  try {
    if ((await file.stat()).isFile()) return file;
    throw new NoPlainFile(`${path} is no file`);
  } catch (error) {
    await file.close();
    throw error;
  }
}
