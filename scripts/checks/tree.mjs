// What must not be in the repository: paths of the machine that it was written on, and registry hosts in the
// lockfile, which would bind every install to them.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { run } from '../lib/command.mjs';
import { root } from '../lib/root.mjs';

const machinePath = /(?<![\w.])\/(?:work\/|root\/|home\/[\w.-]+\/|Users\/[\w.-]+\/)/;
const foreignAddress = /"resolved":\s*"(?:https?|git|ssh)[^"]*"/;

const tracked = (await run('git', ['ls-files', '-z'])).split('\0').filter((file) => file !== '');
const findings = [];
for (const file of tracked) {
  let text;
  try {
    text = readFileSync(path.join(root, file), 'latin1');
  } catch (error) {
    // Deleted, not yet committed.
    if (error.code === 'ENOENT') continue;
    throw error;
  }
  const wrong = file.endsWith('package-lock.json') ? foreignAddress : machinePath;
  text.split('\n').forEach((line, index) => {
    if (wrong.test(line)) findings.push(`${file}:${index + 1}: ${wrong.exec(line)?.[0]}`);
  });
}
for (const finding of findings) console.error(finding);
console.log(`${tracked.length} files: ${findings.length} machine paths or registry hosts`);
process.exitCode = findings.length > 0 ? 1 : 0;
