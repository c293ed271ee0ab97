import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { root } from './root.mjs';

const SKIPPED = new Set(['node_modules', 'dist', '.git']);

/** Files under the given files and directories, as sorted paths with forward slashes, relative to `base`. */
export function listFiles(places, { base = root, extensions } = {}) {
  const found = [];
  const visit = (place) => {
    const full = path.join(base, place);
    if (!existsSync(full)) return;
    if (!statSync(full).isDirectory()) {
      if (!extensions || extensions.includes(path.extname(place))) found.push(place);
      return;
    }
    for (const name of readdirSync(full)) {
      if (!SKIPPED.has(name)) visit(place === '' ? name : `${place}/${name}`);
    }
  };
  for (const place of places) visit(place);
  return [...new Set(found)].sort();
}

/**
 * One hash over the names and contents of files and over further facts. Line ends don't count: a checkout may
 * have changed them.
 */
export function fingerprint(files, facts = [], base = root) {
  const hash = createHash('sha256');
  for (const fact of facts) hash.update(`${fact}\0`);
  for (const file of files) {
    const full = path.join(base, file);
    const text = existsSync(full) ? readFileSync(full, 'latin1').replaceAll('\r\n', '\n') : '';
    hash.update(`${file}\0${text.length}\0`).update(text, 'latin1');
  }
  return hash.digest('hex');
}
