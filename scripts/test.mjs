// Runs the tests: the project `process`, which starts real plugins, one file at a time, and beside it `unit`, in what is left
// of the machine, for plugins are waited for more than they compute. Arguments go to jest: npm test -- test/wire. --full also
// runs what is too long for every day (PLUGD_FULL=1), and nothing beside it: there some things are measured.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { CommandError, runNode, tools } from './lib/command.mjs';
import { findGo, inCi } from './lib/go.mjs';
import { root } from './lib/root.mjs';

const full = process.argv.includes('--full');
const passedOn = process.argv.slice(2).filter((argument) => argument !== '--full');
const unit = { name: 'unit', options: ['--maxWorkers=2'], nice: !full };
const processes = { name: 'process', options: ['--runInBand'] };

/** One jest run: its counts, with one failure where it ended before it could count. What it prints comes in its turn. */
async function runProject({ name, options, nice = false }, env, directory, turn = Promise.resolve()) {
  const file = path.join(directory, `${name}.json`);
  const reporters = ['default', path.join(root, 'scripts', 'lib', 'count-reporter.cjs')];
  const args = reporters.map((reporter) => `--reporters=${reporter}`);
  // Both are lists: what follows them must begin with a dash, or it would count as one of them.
  args.push('--selectProjects', name, '--passWithNoTests', ...options);
  let ended = true;
  try {
    const own = { PLUGD_COUNTS: file, ...(process.stdout.isTTY ? { FORCE_COLOR: '1' } : {}) };
    await runNode(tools.jest, [...args, ...passedOn], { env: { ...env, ...own }, show: turn, nice });
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    ended = false;
  }
  if (!existsSync(file)) return { passed: 0, failed: 1, skipped: 0 };
  const counts = JSON.parse(readFileSync(file, 'utf8'));
  // jest also fails for what is no test's fault, a coverage limit or a setup file.
  return ended || counts.failed > 0 ? counts : { ...counts, failed: 1 };
}

async function main() {
  const go = findGo();
  if (go.problem && inCi()) {
    console.error(`${go.problem}; with CI=true no test may be left out`);
    return 1;
  }
  // Tests that need the Go programs look at PLUGD_GO and skip themselves by name.
  const env = { PLUGD_GO: go.problem ? '0' : '1', ...(full ? { PLUGD_FULL: '1' } : {}) };
  const directory = mkdtempSync(path.join(os.tmpdir(), 'plugd-test-'));
  const begin = performance.now();
  const total = { passed: 0, failed: 0, skipped: 0 };
  try {
    const first = runProject(unit, env, directory);
    if (full) await first;
    // In order, as if one had come after the other.
    for (const counts of await Promise.all([first, runProject(processes, env, directory, first)])) {
      for (const kind of Object.keys(total)) total[kind] += counts[kind];
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  // For a script that adds these to counts of its own.
  if (process.env.PLUGD_TEST_COUNTS) writeFileSync(process.env.PLUGD_TEST_COUNTS, JSON.stringify(total));
  const seconds = Math.round((performance.now() - begin) / 1000);
  const { passed, failed, skipped } = total;
  if (go.problem) console.log(`${go.problem}: the tests that need it were skipped`);
  console.log(`tests: ${passed} passed, ${failed} failed, ${skipped} skipped, in ${seconds} s`);
  return failed > 0 || passed === 0 ? 1 : 0;
}

process.exitCode = await main();
