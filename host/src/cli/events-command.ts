import type { Command } from 'commander';
import type { CliContext } from './context';
import { sinceOption } from './duration';
import { eventText } from './event-text';
import { visible } from './output/visible';
import { numberOf, type PlainData, recordOf, textOf } from './plain-data';
import { noteDropped, noteNothing, refuseNames, streamOptions, writePiece } from './stream-output';

interface EventsOptions {
  readonly follow?: boolean;
  readonly since?: number;
}

/** `plugd events`: what has happened, and what happens. */
export function defineEvents(program: Command, context: CliContext): void {
  program
    .command('events [plugin]')
    .summary('shows what has happened to plugins, and with -f what happens')
    .description(
      'Shows what has happened to plugins, or to one, as far as the daemon keeps it: changes of state, steps of upgrades, restarts, versions on disk. As JSON each event is one line.',
    )
    .option('-f, --follow', 'goes on with what happens, until Ctrl-C')
    .option('--since <time>', 'only what is not older: 10m, 2h, or a date', sinceOption(Date.now))
    .action(async (plugin: string | undefined, { follow = false, since = 0 }: EventsOptions) => {
      refuseNames(context, 'Events');
      const client = await context.client();
      const asked = { plugin: plugin ?? '', afterSequence: 0, since, follow };
      let seen = 0;
      try {
        for await (const { event, dropped } of client.watchEvents(asked, streamOptions(context))) {
          noteDropped(context, dropped, 'events');
          const record = recordOf(event);
          seen++;
          await writePiece(context, { text: () => asText(record, context), document: () => record });
        }
        if (follow && !context.interrupted) context.note('plugd: the daemon has ended.');
        else if (seen === 0) {
          // A name that was mistyped is an error; one that has been quiet is not.
          if (plugin !== undefined) await client.describePlugin({ plugin }, context.callOptions);
          noteNothing(context, 'events');
        }
      } catch (error) {
        if (!context.interrupted) throw error;
      }
    });
}

function asText(event: PlainData, { paint }: CliContext): string {
  const { text, colour } = eventText(event);
  const time = new Date(numberOf(event['time'])).toISOString();
  return `${paint('dim', time)}  ${paint('bold', visible(textOf(event['plugin'])))}  ${paint(colour, visible(text))}`;
}
