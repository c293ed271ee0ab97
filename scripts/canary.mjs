// npm run test:canary -- [--runs N] [--only TEXT] [--weight PERCENT] [--lanes N] [--seed N]: versions that are tried by canary
// again and again, bad ones and equal ones, with real processes under load. Prints one line a scenario, and one line of
// JSON at the end; the exit code says whether every bad one was refused, every equal one promoted, and no call harmed.
import { randomInt } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { CommandError, runNode } from './lib/command.mjs';
import { root } from './lib/root.mjs';

/** Programs of their own: what is measured is bundled from the sources as they are now. */
function bundle(directory) {
  return build({
    absWorkingDir: root,
    entryPoints: { main: 'test/canary/main.ts', plugin: 'test/upgrade/canary-plugin.ts' },
    outdir: directory,
    bundle: true,
    ignoreAnnotations: true,
    banner: { js: '#!/usr/bin/env node' },
    platform: 'node',
    target: 'node20',
    alias: {
      '@plugd/protocol': path.join(root, 'proto/src'),
      '@plugd/host': path.join(root, 'host/src'),
      '@plugd/sdk': path.join(root, 'sdk/src'),
    },
    external: ['@grpc/proto-loader'],
    logLevel: 'warning',
  });
}

async function main() {
  const { values } = parseArgs({
    options: {
      runs: { type: 'string', default: '100' },
      lanes: { type: 'string', default: '8' },
      weight: { type: 'string', default: '50' },
      only: { type: 'string', default: '' },
      seed: { type: 'string', default: String(randomInt(2 ** 30)) },
    },
  });
  const [runs, lanes, weight, seed] = ['runs', 'lanes', 'weight', 'seed'].map((name) => Number(values[name]));
  const whole = [runs, lanes, weight, seed].every((number) => Number.isSafeInteger(number) && number > 0);
  if (!whole || weight >= 100) {
    console.error('--runs, --lanes and --seed take a whole number from 1, --weight one from 1 to 99');
    return 2;
  }
  const directory = mkdtempSync(path.join(os.tmpdir(), 'plugd-canary-'));
  try {
    await bundle(directory);
    const program = path.join(directory, 'plugin.js');
    chmodSync(program, 0o755);
    const task = { program, runs, lanes, weight, seed, only: values.only };
    console.log(`seed ${seed}`);
    const file = path.join(directory, 'task.json');
    writeFileSync(file, JSON.stringify(task));
    await runNode(path.join(directory, 'main.js'), [file], { show: true });
    return 0;
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    console.error(error.message);
    return 1;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

process.exitCode = await main();
