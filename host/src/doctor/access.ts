import { accessSync, constants, lstatSync, realpathSync } from 'node:fs';
import { dirname, parse, resolve } from 'node:path';
import { formatMode } from '../artifact/executable';

/** The user that this runs as, in words. */
export function currentUser(): string {
  const user = process.getuid?.();
  if (user === undefined) return 'this user';
  return user === 0 ? 'root' : `user ${user}`;
}

/** `-rw-r--r--, of user 0`; empty where nothing of it is to be seen. */
export function rightsOf(path: string): string {
  const about = lstatSync(path, { throwIfNoEntry: false });
  if (about === undefined) return '';
  return `${formatMode(about.mode, about.isDirectory())}, of user ${about.uid} and group ${about.gid}`;
}

/** The topmost directory on the way to a path that this user may not go through; undefined: the way is free. */
export function blockedAt(path: string): string | undefined {
  const way: string[] = [];
  for (let at = dirname(resolve(path)); ; at = dirname(at)) {
    way.unshift(at);
    if (at === parse(at).root) break;
  }
  return way.find((directory) => exists(directory) && !mayEnter(directory));
}

function exists(path: string): boolean {
  try {
    realpathSync(path);
    return true;
  } catch {
    return false;
  }
}

function mayEnter(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

export function mayRead(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}
