import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { root } from './root.mjs';

export const pythonDirectory = path.join(root, 'plugins', 'python');

/** A python3 that can make environments of its own: its version and command, else a sentence that says what is wrong. */
export function findPython() {
  for (const command of ['python3', 'python']) {
    try {
      const version = execFileSync(
        command,
        ['-c', 'import ensurepip, sys, venv; print(sys.version) if sys.version_info >= (3, 9) else exit(1)'],
        { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], windowsHide: true },
      );
      return { command, version: version.trim() };
    } catch {
      // The next one, or none.
    }
  }
  return { problem: 'Python 3.9 or newer with venv and pip is not installed' };
}
