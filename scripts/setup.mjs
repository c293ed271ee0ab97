// Makes a clone ready to run: packages, generated code, builds. Each step is skipped when nothing that it
// depends on has changed since it last ran. Only Node's own modules are used here: nothing is installed yet.
// --test: what follows are the tests. They need some programs more, and in CI must not leave out what needs Go.
import process from 'node:process';

const WANTED = [20, 19];

function nodeProblem() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > WANTED[0] || (major === WANTED[0] && minor >= WANTED[1])) return undefined;
  return `Node ${WANTED.join('.')} or newer is wanted; this is ${process.version} (${process.execPath})`;
}

async function main() {
  const problem = nodeProblem();
  if (problem) {
    console.error(`setup: ${problem}`);
    return 1;
  }
  // Loaded only now: an older Node would stop at their syntax instead of saying what is wrong.
  const { findGo, inCi } = await import('./lib/go.mjs');
  const { runSteps, say } = await import('./lib/steps.mjs');
  const { setupSteps, stampDirectory } = await import('./lib/setup-steps.mjs');
  const go = findGo();
  const forTests = process.argv.includes('--test');
  if (go.problem) {
    if (inCi() && forTests) {
      say(`${go.problem}; with CI=true no test may be left out`);
      return 1;
    }
    say(`${go.problem}: the Go samples and all that needs them are left out`);
  }
  return (await runSteps(setupSteps(go, { forTests }), stampDirectory)) ? 0 : 1;
}

process.exitCode = await main();
