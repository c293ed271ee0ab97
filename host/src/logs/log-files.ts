import { readdirSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isSystemError } from '../artifact/system-error';

// Files are numbered and never renamed: who reads one knows by its number where he is, whatever is rotated meanwhile.
const pattern = /^plugd-(\d{8,15})\.log$/;

export const logFilePath = (directory: string, number: number): string =>
  join(directory, `plugd-${String(number).padStart(8, '0')}.log`);

/** The numbers of the log files there, the oldest first. */
export function listLogFilesNow(directory: string): number[] {
  return numbersOf(readdirSync(directory));
}

/** See {@link listLogFilesNow}. None where there is no such directory. */
export async function listLogFiles(directory: string): Promise<number[]> {
  try {
    return numbersOf(await readdir(directory));
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return [];
    throw error;
  }
}

function numbersOf(names: readonly string[]): number[] {
  const numbers = names.flatMap((name) => Number(pattern.exec(name)?.[1] ?? Number.NaN));
  return numbers.filter((number) => !Number.isNaN(number)).sort((a, b) => a - b);
}
