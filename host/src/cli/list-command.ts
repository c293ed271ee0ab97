import type { PluginRow } from '@plugd/protocol/gen/plugd/admin/v1/admin';
import type { Command } from 'commander';
import type { CliContext } from './context';
import { age } from './output/age';
import { stateColour } from './output/colour';
import type { Column } from './output/table';

/** `plugd list`: every plugin in one line. */
export function defineList(program: Command, context: CliContext): void {
  program
    .command('list')
    .summary('shows every plugin in one line')
    .action(async () => {
      const client = await context.client();
      const { plugins } = await client.listPlugins({}, context.callOptions);
      context.print({
        rows: plugins,
        columns: columns(Date.now()),
        name: ({ name }) => name,
        ifEmpty: 'There are no plugins.',
      });
    });
}

function columns(now: number): Column<PluginRow>[] {
  return [
    { header: 'NAME', text: ({ name }) => name },
    { header: 'STATE', text: ({ state }) => state, colour: ({ state }) => stateColour(state) },
    { header: 'RUNNING', text: ({ runningVersion }) => runningVersion },
    { header: 'AGE', text: ({ since }) => (since === 0 ? '' : age(now - since)), right: true },
  ];
}
