import { type Command, InvalidArgumentError, Option } from 'commander';
import type { PluginState } from '../events/host-event';
import type { CliContext } from './context';
import { pluginDocument } from './documents';
import { nameMatcher } from './name-matcher';
import { pluginColumns } from './plugin-columns';

interface ListOptions {
  readonly state?: readonly string[];
}

/** Those of the library, and that of a plugin which the config alone knows. */
const states = [
  'starting',
  'serving',
  'restarting',
  'failed',
  'stopping',
  'stopped',
  'absent',
] as const satisfies (PluginState | 'absent')[];

/** `plugd list`: every plugin in one line. */
export function defineList(program: Command, context: CliContext): void {
  program
    .command('list [names...]')
    .summary('shows every plugin in one line, with the version that runs and the one on disk')
    .description(
      'Shows every plugin in one line: the version that runs, the highest on disk, the one that it is held at, and what is wrong.\n\nWith names, only those; * stands for any characters.',
    )
    .addOption(
      new Option('--state <state>', 'only plugins in this state; may be given again')
        .choices(states)
        .argParser(addState),
    )
    .action(async (names: string[], { state }: ListOptions) => {
      const client = await context.client();
      const { plugins } = await client.listPlugins({}, context.callOptions);
      const matches = nameMatcher(names);
      const rows = plugins.filter(
        (row) => matches(row.name) && (state === undefined || state.includes(row.state)),
      );
      context.print({
        rows,
        columns: pluginColumns(Date.now()),
        name: ({ name }) => name,
        document: pluginDocument,
        ifEmpty: plugins.length === 0 ? 'There are no plugins.' : 'None of the plugins is meant.',
      });
    });
}

function addState(state: string, before: readonly string[] = []): readonly string[] {
  if (states.some((one) => one === state)) return [...before, state];
  throw new InvalidArgumentError(`Allowed choices are ${states.join(', ')}.`);
}
