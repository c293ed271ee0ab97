import { changesOf } from './level-batch';
import type { LevelDirectory } from './level-directory';
import { readLog } from './level-log';
import { type Manifest, readManifest, type TableFacts } from './level-manifest';
import { readTable } from './level-table';
import { unlessMalformed } from './malformed';

/**
 * What LevelDB will read of a directory is as it was written. It looks at the sums of some files alone, and where keys are not
 * in their order it ends the process. Files that it will only remove may be as they are: a host that is killed leaves such.
 */
export async function isWhole(directory: LevelDirectory): Promise<boolean> {
  if (!directory.used) return true;
  const manifest = await manifestOf(directory);
  if (manifest === undefined) return false;
  for (const [number, facts] of manifest.tables) {
    const stem = String(number).padStart(6, '0');
    const table = (await directory.read(`${stem}.ldb`)) ?? (await directory.read(`${stem}.sst`));
    if (table === undefined || !isTable(table, facts)) return false;
  }
  for (const { number, name: log } of directory.logs) {
    if (!isRead(number, manifest)) continue;
    const contents = await directory.read(log);
    if (contents === undefined || !isLog(contents)) return false;
  }
  return true;
}

/**
 * A directory without the files that LevelDB would only remove: they may hold what was removed since. Undefined: the file that tells of
 * the others is damaged.
 */
export async function withoutOldFiles(directory: LevelDirectory): Promise<LevelDirectory | undefined> {
  const manifest = await manifestOf(directory);
  if (manifest === undefined) return undefined;
  return directory.only(
    (number) => manifest.tables.has(number),
    (number) => isRead(number, manifest),
  );
}

function isRead(log: number, { firstLog, previousLog }: Manifest): boolean {
  return log >= firstLog || log === previousLog;
}

async function manifestOf(directory: LevelDirectory): Promise<Manifest | undefined> {
  const name = (await directory.read('CURRENT'))?.toString('latin1');
  const bytes = name === undefined ? undefined : await manifestNamed(directory, name);
  return bytes === undefined ? undefined : readManifest(bytes);
}

async function manifestNamed(directory: LevelDirectory, current: string): Promise<Buffer | undefined> {
  const name = /^(MANIFEST-\d+)\n$/.exec(current)?.[1];
  return name === undefined ? undefined : directory.read(name);
}

function isTable(bytes: Buffer, { size, smallest, largest }: TableFacts): boolean {
  const { whole, blocks } = readTable(bytes);
  if (!whole || bytes.length !== size) return false;
  const ends = unlessMalformed(() => [blocks[0]?.()[0]?.key, blocks.at(-1)?.().at(-1)?.key]);
  // It may be a whole table, and another one.
  return ends?.[0]?.equals(smallest) === true && ends[1]?.equals(largest) === true;
}

/** Each write has greater numbers than the one before it: LevelDB takes none twice. */
function isLog(bytes: Buffer): boolean {
  const { whole, records } = readLog(bytes);
  let next = 0n;
  for (const record of records) {
    const changes = unlessMalformed(() => changesOf(record));
    if (changes === undefined) return false;
    const from = changes[0]?.number ?? next;
    if (from < next) return false;
    next = from + BigInt(changes.length);
  }
  return whole;
}
