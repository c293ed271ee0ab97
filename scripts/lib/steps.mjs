import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { CommandError } from './command.mjs';

/**
 * One step of the set-up.
 * @typedef {object} Step
 * @property {string} name
 * @property {string} [doing] what it runs, for the progress line
 * @property {() => string} [stamp] hash of all that its result depends on
 * @property {() => boolean} [isDone] in place of a stamp, where the result itself tells
 * @property {string[]} [outputs] full paths without which it has to run, whatever its stamp says
 * @property {boolean} [changesInputs] its run may change what the stamp is made of (an install writes the lockfile)
 * @property {() => Promise<unknown>} run
 */

/** Progress goes to standard error, so that what comes after keeps standard output to itself. */
export function say(line) {
  process.stderr.write(`setup: ${line}\n`);
}

/** Runs each step that has to run, in order; true when all went well. */
export async function runSteps(steps, stampDirectory) {
  const upToDate = [];
  for (const step of steps) {
    const stampFile = path.join(stampDirectory, step.name);
    const wanted = step.stamp?.();
    if (isDone(step, stampFile, wanted)) {
      upToDate.push(step.name);
      continue;
    }
    // A run that is broken off must not leave the stamp of an older one standing.
    rmSync(stampFile, { force: true });
    say(`${step.name}: ${step.doing ?? 'running'} ...`);
    const begin = performance.now();
    try {
      await step.run();
    } catch (error) {
      report(step, error);
      return false;
    }
    if (step.stamp) {
      mkdirSync(stampDirectory, { recursive: true });
      writeFileSync(stampFile, step.changesInputs ? step.stamp() : wanted);
    }
    say(`${step.name}: done in ${((performance.now() - begin) / 1000).toFixed(1)} s`);
  }
  if (upToDate.length > 0) say(`up to date: ${upToDate.join(', ')}`);
  return true;
}

function isDone(step, stampFile, wanted) {
  if (step.isDone) return step.isDone();
  if (!existsSync(stampFile) || readFileSync(stampFile, 'utf8') !== wanted) return false;
  return (step.outputs ?? []).every((file) => existsSync(file));
}

function report(step, error) {
  if (!(error instanceof CommandError)) {
    say(`${step.name} failed: ${error instanceof Error ? error.stack : error}`);
    return;
  }
  if (error.excerpt !== '') process.stderr.write(`${error.excerpt}\n`);
  say(`${step.name} failed: ${error.message}`);
}
