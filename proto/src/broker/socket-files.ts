import { unlinkSync } from 'node:fs';

const paths = new Set<string>();

/** Removes the socket even if the process exits without closing it. */
export function rememberSocket(path: string): void {
  if (paths.size === 0) process.on('exit', removeAll);
  paths.add(path);
}

export function removeSocket(path: string): void {
  paths.delete(path);
  if (paths.size === 0) process.off('exit', removeAll);
  unlinkIfThere(path);
}

function removeAll(): void {
  for (const path of paths) unlinkIfThere(path);
}

function unlinkIfThere(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // Its directory has gone before it.
  }
}
