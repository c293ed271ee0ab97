// npm run test:fuzz -- [--seconds N] [--seed N] [--target NAME]: the properties that npm test tries some hundred times,
// for as long as asked. One line of JSON a property on standard output, one for all of them at the end.
import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { tools } from './lib/command.mjs';
import { root } from './lib/root.mjs';

const targets = {
  'handshake-line': 'test/unit/protocol/handshake-line.test.ts',
  'handshake-reader': 'test/unit/launch/handshake-reader.test.ts',
  'line-splitter': 'test/unit/protocol/line-splitter.test.ts',
  'log-record': 'test/unit/protocol/log-record.test.ts',
  'broker-message': 'test/unit/broker/bad-peer.test.ts',
  'broker-address': 'test/unit/broker/peer-address.test.ts',
  'yamux-frame': 'test/unit/yamux/fuzz.test.ts',
};

/** What jest needs to begin and to end. */
const START_MS = 2_000;
/** Beyond its time, before a target counts as hanging. */
const GRACE_MS = 30_000;
const HEAP_LIMIT_MIB = 512;

/** Runs one file of tests; a row for each property, and one more where the file did not come to its end. */
async function fuzz(target, ms, seed, directory) {
  const report = path.join(directory, target);
  const began = performance.now();
  const child = spawn(
    process.execPath,
    [
      `--max-old-space-size=${HEAP_LIMIT_MIB}`,
      path.join(root, tools.jest),
      '--selectProjects=unit',
      '--runInBand',
      '--testNamePattern=fuzz: ',
      '--runTestsByPath',
      targets[target],
    ],
    {
      cwd: root,
      env: {
        ...process.env,
        PLUGD_FUZZ_MS: String(ms),
        PLUGD_FUZZ_SEED: String(seed),
        PLUGD_FUZZ_REPORT: report,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: ms + GRACE_MS,
      killSignal: 'SIGKILL',
      windowsHide: true,
    },
  );
  const output = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => output.push(chunk));
  const [code, signal] = await once(child, 'close');
  const rows = existsSync(report)
    ? readFileSync(report, 'utf8')
        .trimEnd()
        .split('\n')
        .map((line) => ({ target, ...JSON.parse(line) }))
    : [];
  if (code === 0 && rows.length > 0) return rows;
  console.error(Buffer.concat(output).toString());
  const last = `${report}.running`;
  const running = existsSync(last) ? JSON.parse(readFileSync(last, 'utf8')) : { seed };
  const told = rows.some(({ property }) => property === running.property);
  if (told && rows.some(({ failures }) => failures > 0)) return rows;
  const seconds = Math.round(performance.now() - began) / 1000;
  const ended = signal === 'SIGKILL' ? 'hang' : `exit code ${code ?? signal}`;
  return [...rows, { target, ...running, runs: 0, seconds, failures: 1, ended }];
}

async function main() {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '120' },
      seed: { type: 'string', default: String(randomInt(2 ** 30)) },
      target: { type: 'string', multiple: true, default: Object.keys(targets) },
    },
  });
  const [seconds, seed] = [Number(values.seconds), Number(values.seed)];
  const unknown = values.target.filter((target) => !Object.hasOwn(targets, target));
  if (!(seconds > 0) || !Number.isSafeInteger(seed) || unknown.length > 0) {
    console.error(`--seconds and --seed take a number, --target one of ${Object.keys(targets).join(', ')}`);
    return 2;
  }
  const directory = mkdtempSync(path.join(os.tmpdir(), 'plugd-fuzz-'));
  const begin = performance.now();
  const rows = [];
  try {
    for (const [index, target] of values.target.entries()) {
      const left = seconds * 1000 - (performance.now() - begin);
      const share = left / (values.target.length - index) - START_MS;
      for (const row of await fuzz(target, Math.max(500, Math.round(share)), seed, directory)) {
        rows.push(row);
        console.log(JSON.stringify(row));
      }
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  const sum = (figure) => rows.reduce((total, row) => total + row[figure], 0);
  const took = Math.round(performance.now() - begin) / 1000;
  const all = { target: 'all', runs: sum('runs'), seconds: took, failures: sum('failures'), seed };
  console.log(JSON.stringify(all));
  return all.failures > 0 ? 1 : 0;
}

process.exitCode = await main();
