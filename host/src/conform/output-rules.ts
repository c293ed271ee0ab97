import { LogLineParser } from '@plugd/protocol/log-record';
import { printable } from '@plugd/protocol/printable';
import { pass, type Rule, skip, warn } from './rule';
import type { Session } from './session';

/** What a plugin prints once it serves. */
export const outputRules: readonly Rule<Session>[] = [
  {
    id: 'stdout.quiet',
    rule: 'After its line nothing more comes on the real stdout: hosts throw it away, and some stop reading.',
    section: 'stdio',
    expected: 'nothing; recommended',
    needs: ['connection.answers'],
    check: ({ probe }) => (probe.stdoutAfter === 0 ? pass('nothing') : warn(`${probe.stdoutAfter} bytes`)),
  },
  {
    id: 'logs.json',
    rule: 'Lines on stderr are hclog’s JSON: with @level, a text as @message, and @timestamp with six digits.',
    section: 'logs',
    expected: 'only such lines; recommended',
    needs: ['connection.answers'],
    check: ({ probe: { stderr } }) => {
      if (stderr.length === 0) return skip('it printed nothing on stderr');
      const strange = stderr.find((line) => !isLog(line));
      return strange === undefined ? pass(`${stderr.length} lines`) : warn(`"${printable(strange, 120)}"`);
    },
  },
];

/** What the parser can't read it passes on as it stands, or by a level in brackets. */
const isLog = (line: string): boolean =>
  line.startsWith('{') && new LogLineParser().parse(line).message !== line;
