// Are the packages whole as npm would publish them, and do their types resolve for those who import them?
import { CommandError, runNode, tools } from '../lib/command.mjs';

let clean = true;
for (const name of ['proto', 'sdk', 'host']) {
  const checks = {
    publint: [tools.publint, ['run', name, '--strict']],
    // Only the modern resolution modes: the ways of node10 cannot see `exports` at all.
    attw: [tools.attw, ['--pack', name, '--profile', 'node16', '--no-emoji', '--no-color']],
  };
  for (const [check, [tool, args]] of Object.entries(checks)) {
    try {
      await runNode(tool, args);
      console.log(`${name}: ${check} ok`);
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      console.log(`${name}: ${check} failed\n${error.excerpt}`);
      clean = false;
    }
  }
}
process.exitCode = clean ? 0 : 1;
