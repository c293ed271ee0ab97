// npm run bench [scenario]: bundles bench/main.ts, so that no loader of TypeScript is measured, and runs it.
import path from 'node:path';
import { build } from 'esbuild';
import { CommandError, runNode } from './lib/command.mjs';
import { root } from './lib/root.mjs';

await build({
  absWorkingDir: root,
  entryPoints: ['bench/main.ts'],
  outfile: 'bench/dist/main.js',
  bundle: true,
  // What is measured are the built packages, as an application loads them.
  packages: 'external',
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  sourcemap: true,
  logLevel: 'warning',
});

try {
  await runNode(path.join('bench', 'dist', 'main.js'), process.argv.slice(2), { show: true });
} catch (error) {
  if (!(error instanceof CommandError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
