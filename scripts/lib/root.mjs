import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository's top directory, wherever the caller's working directory is. */
export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
