import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Whether Linux has been told (binfmt_misc) how to run such a file: with an emulator for a foreign architecture,
 * or with a runtime.
 */
export async function hasBinfmtHandler(
  path: string,
  head: Buffer,
  directory = '/proc/sys/fs/binfmt_misc',
): Promise<boolean> {
  const names = await readdir(directory).catch((): string[] => []);
  if (names.includes('status') && !(await entryOf(join(directory, 'status'))).startsWith('enabled'))
    return false;
  for (const name of names) {
    if (name === 'register' || name === 'status') continue;
    if (matchesBinfmt(await entryOf(join(directory, name)), path, head)) return true;
  }
  return false;
}

async function entryOf(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '');
}

/** `entry` is the text of one file of binfmt_misc. */
export function matchesBinfmt(entry: string, path: string, head: Buffer): boolean {
  if (!entry.startsWith('enabled')) return false;
  const field = (name: string): string | undefined =>
    new RegExp(`^${name}[ :]+(.*)$`, 'm').exec(entry)?.[1]?.trim();
  const extension = field('extension');
  if (extension !== undefined) return path.endsWith(extension);
  const magic = Buffer.from(field('magic') ?? '', 'hex');
  const mask = Buffer.from(field('mask') ?? '', 'hex');
  const offset = Number(field('offset') ?? '0');
  if (magic.length === 0 || head.length < offset + magic.length) return false;
  return magic.every(
    (byte, i) => ((head[offset + i] ?? 0) & (mask[i] ?? 0xff)) === (byte & (mask[i] ?? 0xff)),
  );
}
