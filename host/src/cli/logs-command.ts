import { type Command, InvalidArgumentError, Option } from 'commander';
import { logLevels } from '../events/logger';
import type { CliContext } from './context';
import { sinceOption } from './duration';
import { logDocument, logText } from './log-text';
import { noteDropped, noteNothing, refuseNames, streamOptions, writePiece } from './stream-output';

interface LogsOptions {
  readonly follow?: boolean;
  readonly since?: number;
  readonly level?: string;
  readonly grep?: string;
  readonly tail?: number;
}

/** So many as `tail -f` shows before it goes on. */
const followedTail = 10;

/** `plugd logs`: what the daemon and its plugins have logged. */
export function defineLogs(program: Command, context: CliContext): void {
  program
    .command('logs [plugin]')
    .summary('shows what the daemon and its plugins have logged')
    .description(
      'Shows what the daemon and its plugins, or one of them, have logged, as far as it is kept. As JSON each record is one line.',
    )
    .option(
      '-f, --follow',
      `goes on with what is logged, until Ctrl-C; begins with the latest ${followedTail}`,
    )
    .option('--since <time>', 'only what is not older: 10m, 2h, or a date', sinceOption(Date.now))
    .addOption(new Option('--level <level>', 'only what is at least so important').choices(logLevels))
    .option('--grep <expression>', 'only messages that match this regular expression', expression)
    .option('--tail <count>', 'only so many of the latest', count)
    .action(async (plugin: string | undefined, options: LogsOptions) => {
      refuseNames(context, 'Logs');
      const { follow = false, since = 0, level = '', grep = '' } = options;
      const tail = options.tail ?? (follow && since === 0 ? followedTail : 0);
      const client = await context.client();
      const { paint } = context;
      const asked = { plugin: plugin ?? '', level, since, grep, follow, tail };
      let seen = 0;
      try {
        for await (const { entry, dropped } of client.readLogs(asked, streamOptions(context))) {
          noteDropped(context, dropped, 'records');
          if (entry === undefined) continue;
          seen++;
          await writePiece(context, {
            text: () => logText(entry, paint),
            document: () => logDocument(entry),
          });
        }
        if (follow && !context.interrupted) context.note('plugd: the daemon has ended.');
        else if (seen === 0) {
          // A name that was mistyped is an error; one that has been quiet is not.
          if (plugin !== undefined) await client.describePlugin({ plugin }, context.callOptions);
          noteNothing(context, 'records');
        }
      } catch (error) {
        if (!context.interrupted) throw error;
      }
    });
}

function expression(text: string): string {
  try {
    new RegExp(text);
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? error.message : String(error));
  }
  return text;
}

function count(text: string): number {
  const value = Number(text);
  if (/^\d{1,9}$/.test(text) && value > 0) return value;
  throw new InvalidArgumentError('It is a whole number, at least 1.');
}
