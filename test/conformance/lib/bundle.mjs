import path from 'node:path';
import * as lib from '../../../scripts/lib/programs.mjs';
import { root } from '../../../scripts/lib/root.mjs';

export const programs = path.join(root, 'test/conformance/.build/programs');

/** Bundles the programs under test. */
export async function bundlePrograms() {
  const sources = ['client', 'server', 'interop-client'].map(
    (name) => `test/conformance/programs/${name}.ts`,
  );
  await lib.bundlePrograms(sources, programs, { sourcemap: 'inline' });
}
