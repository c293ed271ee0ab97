import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeTree } from '../launch/run-directory';
import { mountOf, readMounts } from './mounts';
import type { DoctorSurroundings } from './surroundings';

/** A directory of this user alone, for as long as the work takes; programs in it can be run. */
export async function withWorkplace<T>(
  { temporary }: Pick<DoctorSurroundings, 'temporary'>,
  work: (directory: string) => Promise<T>,
): Promise<T> {
  const mounts = readMounts();
  const places = temporary === undefined ? [tmpdir(), '/tmp', '/var/tmp'] : [temporary];
  const mayRun = (place: string) => !mountOf(place, mounts)?.options.includes('noexec');
  const directory = await mkdtemp(join(places.find(mayRun) ?? places[0] ?? tmpdir(), 'plugd-doctor-'));
  try {
    return await work(directory);
  } finally {
    await removeTree(directory).catch(() => {});
  }
}
