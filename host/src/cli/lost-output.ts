import type { CliContext } from './context';
import { type ExitCode, exitCodes } from './exit-code';
import { OutputError, reportError } from './report-error';
import type { Surroundings } from './surroundings';

/** What they do matters, not what they say of it: they go on without a reader, and their exit code tells what came of it. */
const doers = new Set([
  'upgrade',
  'restart',
  'rollback',
  'promote',
  'abort',
  'pin',
  'unpin',
  'start',
  'stop',
]);

/**
 * Hears of what can't be written. A verb that is for its output ends at once: well, where its reader has had enough, as `head` has.
 *
 * @returns what a command with this exit code ends with, when all that it wrote has been taken or refused
 */
export function mindOutput(
  context: CliContext,
  { stdout, stderr, exit }: Surroundings,
): (code: ExitCode) => Promise<ExitCode> {
  // What is said there, the exit code says as well.
  stderr.on?.('error', () => {});
  let spoilt = false;
  stdout.on?.('error', (error) => {
    const goesOn = doers.has(context.verb);
    if (error.code === 'EPIPE') {
      if (!goesOn) exit?.(exitCodes.ok);
      return;
    }
    if (!spoilt) reportError(new OutputError(error.code ?? error.message, { cause: error }), context);
    spoilt = true;
    if (!goesOn) exit?.(exitCodes.failed);
  });
  return async (code) => {
    // A stream tells of its last failure a turn later.
    await new Promise((resolve) => setImmediate(resolve));
    return spoilt && code === exitCodes.ok ? exitCodes.failed : code;
  };
}
