import { waitAtMost } from '../launch/wait-at-most';
import { describeExit } from '../launch/witness';
import type { Laboratory, StartWishes } from './laboratory';
import { type Finding, fail, type Rule, verdict } from './rule';

/** A plugin that finds no cookie was started by hand. */
export const cookieRules: readonly Rule<Laboratory>[] = [
  {
    id: 'cookie.missing',
    rule: 'Without the cookie the plugin prints nothing on stdout and leaves.',
    section: 'start',
    expected: 'an empty stdout and exit code 1',
    check: (laboratory) => refusal(laboratory, { cookie: null }),
  },
  {
    id: 'cookie.wrong',
    rule: 'With a cookie of another value it does the same.',
    section: 'start',
    expected: 'an empty stdout and exit code 1',
    check: (laboratory) => refusal(laboratory, { cookie: 'not the right one' }),
  },
];

function refusal(laboratory: Laboratory, wishes: StartWishes): Promise<Finding> {
  const { timeoutMs } = laboratory.plugin;
  return laboratory.with(wishes, async (probe) => {
    const exit = await waitAtMost(probe.kept.exited, timeoutMs);
    if (exit === undefined) {
      const said =
        probe.stdoutHead === '' ? '' : `, and stdout begins with "${probe.stdoutHead.slice(0, 80)}"`;
      return fail(`it still runs after ${timeoutMs} ms${said}`);
    }
    await probe.outputEnded(timeoutMs);
    const silent = probe.stdoutHead === '' && probe.stdoutAfter === 0;
    const stdout = silent ? 'an empty stdout' : `"${probe.stdoutHead.slice(0, 80)}" on stdout`;
    return verdict(silent && exit.code === 1, `${stdout} and ${describeExit(exit)}`);
  });
}
