import type { Change } from '@plugd/protocol/gen/plugd/admin/v1/admin';
import type { Command } from 'commander';
import type { CliContext } from './context';
import { changeDocument } from './documents';
import { exitCodes } from './exit-code';
import type { Colour } from './output/colour';
import type { Column } from './output/table';

interface DiffOptions {
  readonly exitCode?: true;
}

/** `plugd diff`: what would be done to make what runs what is wanted. */
export function defineDiff(program: Command, context: CliContext): void {
  program
    .command('diff')
    .summary('shows what the daemon would do to run what is on disk and in the config')
    .description(
      'Shows what the daemon would do to run what is on disk and in its config, and what it can not do. Nothing is changed.',
    )
    .option('--exit-code', 'ends with 1 if there is anything')
    .action(async ({ exitCode }: DiffOptions) => {
      const client = await context.client();
      const { changes } = await client.diff({}, context.callOptions);
      context.print({
        rows: changes,
        columns,
        name: ({ plugin }) => plugin,
        document: changeDocument,
        ifEmpty: 'What runs is what is wanted.',
      });
      if (exitCode === true && changes.length > 0) context.exitWith(exitCodes.failed);
    });
}

const columns: readonly Column<Change>[] = [
  { header: 'ACTION', text: ({ action }) => action, colour: ({ action }) => actionColours[action] },
  { header: 'PLUGIN', text: ({ plugin }) => (plugin === '' ? '(the daemon)' : plugin) },
  { header: 'FROM', text: ({ from }) => from },
  { header: 'TO', text: ({ to }) => to },
  { header: 'REASON', text: ({ reason }) => reason },
];

const actionColours: Readonly<Record<string, Colour>> = {
  load: 'green',
  upgrade: 'cyan',
  restart: 'cyan',
  configure: 'cyan',
  waiting: 'yellow',
  'needs-restart': 'yellow',
  stop: 'red',
  failed: 'red',
};
