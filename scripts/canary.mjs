// npm run test:canary -- [--runs N] [--only TEXT] [--weight PERCENT] [--lanes N] [--seed N]: versions that are tried by canary
// again and again, bad ones and equal ones, with real processes under load. Prints one line a scenario, and one line of
// JSON at the end; the exit code says whether every bad one was refused, every equal one promoted, and no call harmed.
import { randomInt } from 'node:crypto';
import { chmodSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { runMain } from './lib/programs.mjs';

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
  const programs = { main: 'test/canary/main.ts', plugin: 'test/upgrade/canary-plugin.ts' };
  return runMain('canary', programs, { banner: { js: '#!/usr/bin/env node' } }, (directory) => {
    const program = path.join(directory, 'plugin.js');
    chmodSync(program, 0o755);
    return { program, runs, lanes, weight, seed, only: values.only };
  });
}

process.exitCode = await main();
