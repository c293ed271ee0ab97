import type { Command } from 'commander';
import { Option } from 'commander';
import type { CliContext } from './context';
import { startPlugins } from './start-plugins';
import { UsageError } from './usage-error';

interface StartOptions {
  readonly background?: boolean;
}

/** `plugd start`: the daemon; or, by their names, plugins that were stopped. */
export function defineStart(program: Command, context: CliContext): void {
  program
    .command('start [plugins...]')
    .summary('starts the daemon; with names, plugins that were stopped')
    .description(
      'Starts the daemon, which runs until it is stopped or gets SIGTERM or SIGINT. SIGHUP lets it read its config again.\n\nWith names, lets plugins run again that were stopped.',
    )
    .addOption(
      new Option('-b, --background', 'lets the daemon run on by itself, and ends as soon as it answers'),
    )
    .action(async (plugins: string[], { background = false }: StartOptions) => {
      if (plugins.length > 0) {
        if (background) throw new UsageError('--background is for the daemon, not for plugins.');
        return startPlugins(context, plugins);
      }
      // Loaded here: other verbs do without all that a daemon is made of.
      const { startInBackground } =
        require('./start-in-background') as typeof import('./start-in-background');
      const { runDaemon } = require('./run-daemon') as typeof import('./run-daemon');
      await (background ? startInBackground(context) : runDaemon(context));
    });
}
