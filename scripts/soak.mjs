// npm run soak -- [--minutes N | --seconds N | --restarts N] [--seed N] [--snapshots DIRECTORY]: a host whose plugins are killed,
// stopped, restarted and upgraded under light load, one each second, or N restarts as fast as possible. Prints what the
// host holds at rest, and one line of JSON at the end; the exit code says whether nothing grew, failed or was left.
import { randomInt } from 'node:crypto';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { findGo } from './lib/go.mjs';
import { runMain } from './lib/programs.mjs';
import { root } from './lib/root.mjs';

const READ_EVERY_MS = 10_000;
/** As often in a short run. */
const LEAST_READINGS = 8;

const plugins = (...names) => path.join(root, 'plugins', ...names);
const inGo = (name) => [1, 2].map((version) => [plugins('go', 'bin', `${name}-v${version}`)]);
const inTs = (name) =>
  [1, 2].map((version) => [process.execPath, plugins(name, 'dist', `${name}-v${version}`)]);

function positive(text) {
  const number = Number(text);
  return Number.isFinite(number) && number > 0 ? number : undefined;
}

async function main() {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string' },
      seconds: { type: 'string' },
      restarts: { type: 'string' },
      snapshots: { type: 'string' },
      seed: { type: 'string', default: String(randomInt(2 ** 30)) },
    },
  });
  const { restarts } = values;
  const seconds = values.seconds ?? String(60 * Number(values.minutes ?? 10));
  const amount = positive(restarts ?? seconds);
  const seed = Number(values.seed);
  if (amount === undefined || !Number.isSafeInteger(seed)) {
    console.error('--minutes, --seconds, --restarts and --seed take a number');
    return 2;
  }
  const { problem } = findGo();
  if (problem) console.log(`${problem}: samples in TypeScript take the place of those in Go`);
  const programs = { main: 'test/soak/main.ts', host: 'test/soak/host-program.ts' };
  // A heap snapshot is read by names.
  return runMain('soak', programs, { keepNames: true }, (directory) => {
    return {
      program: path.join(directory, 'host.js'),
      seed,
      until: restarts === undefined ? { seconds: amount } : { restarts: amount },
      readEveryMs:
        restarts === undefined ? Math.min(READ_EVERY_MS, (amount * 1000) / LEAST_READINGS) : READ_EVERY_MS,
      programs: {
        kvGo: problem ? inTs('kv-ts') : inGo('kv'),
        kvTs: inTs('kv-ts'),
        counter: problem ? inTs('counter-ts') : inGo('counter'),
      },
      snapshots: values.snapshots && path.resolve(values.snapshots),
    };
  });
}

process.exitCode = await main();
