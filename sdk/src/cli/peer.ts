import { createRequire } from 'node:module';
import { join } from 'node:path';
import { CommandError } from './command-error';

/**
 * Loads a package that only builds need, and so is no dependency: the project's own, else one beside the SDK.
 * @throws CommandError that says how to install it
 */
export function loadPeer<T>(name: string, projectRoot: string): T {
  const path = resolvePeer(name, projectRoot);
  try {
    return require(path) as T;
  } catch (error) {
    // For example esbuild, installed without the program for this platform.
    const words = error instanceof Error ? error.message : String(error);
    throw new CommandError(`${name} can't be loaded: ${words}`, 1, { cause: error });
  }
}

/** Path of the module that the package's name stands for; as {@link loadPeer}. */
export function resolvePeer(name: string, projectRoot: string): string {
  const places = [join(projectRoot, 'package.json'), __filename];
  for (const place of places) {
    try {
      return createRequire(place).resolve(name);
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }
  throw new CommandError(`${name} is not installed. Run: npm install --save-dev ${name}`);
}

const isMissing = (error: unknown): boolean =>
  error instanceof Error && Reflect.get(error, 'code') === 'MODULE_NOT_FOUND';
