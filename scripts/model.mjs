// npm run test:model -- [--seconds N] [--faults N]: the model of the upgrade loop, explored further than npm test does,
// with 0 to N faults in a run. One line of JSON a setting on standard output, one for all of them at the end.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { build } from 'esbuild';
import { root } from './lib/root.mjs';

const HEAP_LIMIT_MIB = 6144;

const directory = mkdtempSync(path.join(os.tmpdir(), 'plugd-model-'));
try {
  const program = path.join(directory, 'model.js');
  await build({
    entryPoints: [path.join(root, 'test', 'model', 'main.ts')],
    bundle: true,
    platform: 'node',
    outfile: program,
    logLevel: 'error',
  });
  const node = [`--max-old-space-size=${HEAP_LIMIT_MIB}`, program, ...process.argv.slice(2)];
  const child = spawn(process.execPath, node, { stdio: 'inherit', windowsHide: true });
  const [code, signal] = await once(child, 'close');
  if (signal !== null) console.error(`ended by ${signal}`);
  process.exitCode = code ?? 1;
} finally {
  rmSync(directory, { recursive: true, force: true });
}
