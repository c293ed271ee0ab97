import path from 'node:path';
import { run } from '../../../scripts/lib/command.mjs';
import { goEnvironment } from '../../../scripts/lib/go.mjs';
import { root } from '../../../scripts/lib/root.mjs';
import { goModule } from './generated.mjs';

export const binaries = path.join(root, 'test/conformance/.build/bin');

/** The suites' commands, of the versions in go.mod. The first time this takes minutes. */
export function buildSuites() {
  // The trailing separator makes it a directory, whether or not it is there.
  const into = `${binaries}${path.sep}`;
  return run('go', ['build', '-o', into, 'tool', './interopserver'], { cwd: goModule, env: goEnvironment });
}
