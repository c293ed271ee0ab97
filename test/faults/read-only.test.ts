import { execFileSync } from 'node:child_process';
import { chownSync, copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { bundleProgram } from '../support/bundle';

/** A user without a name and without rights. */
const nobody = 65_534;

test('what nobody may write to is removed all the same, by the host and by its guardian, and nothing that links lead to', () => {
  const program = bundleProgram(resolve(__dirname, 'read-only-program.ts'));
  const base = mkdtempSync(join(tmpdir(), 'read-only-'));
  const isRoot = process.getuid?.() === 0;
  try {
    const file = join(base, 'program.js');
    copyFileSync(program.file, file);
    if (isRoot) for (const path of [base, file]) chownSync(path, nobody, nobody);
    const identity = isRoot ? { uid: nobody, gid: nobody } : {};
    const said = execFileSync(process.execPath, [file, base], { ...identity, cwd: '/', encoding: 'utf8' });
    expect(JSON.parse(said)).toEqual({
      user: isRoot ? nobody : process.getuid?.(),
      removed: true,
      orphaned: true,
      outside: true,
    });
  } finally {
    // Should this have failed.
    execFileSync('chmod', ['-R', 'u+rwx', base]);
    for (const path of [base, program.directory]) rmSync(path, { recursive: true, force: true });
  }
});
