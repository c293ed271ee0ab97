import { existsSync, readdirSync } from 'node:fs';
import { poll } from './poll';

/** The names of the states that a host keeps in this directory. */
export function keptStates(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory).filter((name) => name.endsWith('.snapshot')) : [];
}

/** Waits for two more of them: the first may have been begun before. */
export async function twoMoreStates(directory: string): Promise<void> {
  const before = new Set(keptStates(directory));
  const come = new Set<string>();
  await poll(
    () => {
      for (const name of keptStates(directory)) if (!before.has(name)) come.add(name);
      return come.size;
    },
    (count) => count >= 2,
  );
}
