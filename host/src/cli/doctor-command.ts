import type { Command } from 'commander';
import type { CliContext } from './context';
import type { DoctorOptions } from './run-doctor';

/** `plugd doctor`: needs no daemon, and asks one that answers. */
export function defineDoctor(program: Command, context: CliContext): void {
  program
    .command('doctor [plugin] [args...]')
    .summary("says why a plugin doesn't start, or this machine isn't fit")
    .description(
      "Says why a plugin doesn't start, or this machine isn't fit, with what to do about each fault.\n\nWithout an argument it looks at the machine, the config, the daemon and what lies in its directory of plugins; with the name of a plugin of that directory, or the path of a version, of a directory of plugins or of an executable, at that. The plugin is started for a moment, unless the daemon runs it.",
    )
    .option('--no-start', 'starts no plugin')
    .option(
      '--cookie <NAME=VALUE>',
      'for an executable without plugin.yaml: the cookie that it was built with',
    )
    .option('--versions <1,2>', 'for an executable without plugin.yaml: the protocol versions to offer', '1')
    .action(async (target: string | undefined, args: string[], options: DoctorOptions) => {
      // Loaded here, for it is the whole host, which other verbs need not wait for.
      const { runDoctor } = require('./run-doctor') as typeof import('./run-doctor');
      await runDoctor(target, args, options, context);
    });
}
