import path from 'node:path';
import { root } from '../../../scripts/lib/root.mjs';
import { binaries } from './build.mjs';
import { programs } from './bundle.mjs';
import { runToEnd } from './child.mjs';

const config = path.join(root, 'test/conformance/config.yaml');
const LIMIT_MS = 120_000;

/**
 * Runs connectconformance against one of our programs.
 * @param side client or server: what is under test
 * @param form which of the programs' forms, grpc-js being grpc-js alone
 * @returns the number of cases, and of each case that failed its complaints
 */
export async function runSuite(side, form) {
  const program = [process.execPath, path.join(programs, `${side}.js`), form];
  const args = ['--conf', config, '--mode', side, '--', ...program];
  const { stdout, stderr, signal } = await runToEnd(path.join(binaries, 'connectconformance'), args, {
    limitMs: LIMIT_MS,
  });
  const total = Number(/^Total cases: (\d+)$/m.exec(stdout)?.[1] ?? Number.NaN);
  const [, passed, failed] = /^(\d+) passed, (\d+) failed$/m.exec(stdout) ?? [];
  const failures = parseFailures(stdout);
  if (Number(passed) + Number(failed) !== total || failures.size !== Number(failed)) {
    throw new Error(`The suite did not run to its end (${signal ?? 'no signal'}):\n${stderr.slice(-2000)}`);
  }
  return { side, form, total, failures };
}

/** A case that failed is named in a line; the lines after it that begin with a tab are the complaints. */
function parseFailures(text) {
  const failures = new Map();
  let complaints;
  for (const line of text.split('\n')) {
    const name = /^FAILED: (.*):$/.exec(line)?.[1];
    if (name !== undefined) {
      complaints = [];
      failures.set(name, complaints);
    } else if (line.startsWith('\t')) {
      const complaint = line.replace(/^\t(?:; )?/, '').trim();
      if (complaint !== '') complaints?.push(complaint);
    } else {
      complaints = undefined;
    }
  }
  return failures;
}
