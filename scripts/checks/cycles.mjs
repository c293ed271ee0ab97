// No import cycles in the packages, imports of types included, and no import against the order of the parts.
// Another tree may be named as the argument.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { wrongImports } from '../lib/architecture.mjs';
import { CommandError, runNode, tools } from '../lib/command.mjs';
import { root } from '../lib/root.mjs';

const packages = ['proto', 'sdk', 'host'];

async function readImports(tree) {
  const directory = mkdtempSync(path.join(os.tmpdir(), 'plugd-imports-'));
  const output = path.join(directory, 'imports.json');
  try {
    const globs = packages.map((name) => `${name}/src/**/*.ts`);
    const quiet = ['--tree=false', '--warning=false', '--progress=false', '--circular=false'];
    await runNode(tools.dpdm, [...quiet, '-o', output, ...globs], { cwd: tree });
    return JSON.parse(readFileSync(output, 'utf8'));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

try {
  const { tree, circulars } = await readImports(path.resolve(process.argv[2] ?? root));
  const findings = [
    ...circulars.map((cycle) => `cycle: ${[...cycle, cycle[0]].join(' -> ')}`),
    ...wrongImports(tree),
  ];
  for (const finding of findings) console.error(finding);
  const own = Object.keys(tree).filter((file) => packages.includes(file.split('/')[0]));
  console.log(`${own.length} files: ${findings.length} cycles or imports against the order`);
  process.exitCode = findings.length > 0 || own.length === 0 ? 1 : 0;
} catch (error) {
  if (!(error instanceof CommandError)) throw error;
  console.error(`${error.excerpt}\n${error.message}`);
  process.exitCode = 1;
}
