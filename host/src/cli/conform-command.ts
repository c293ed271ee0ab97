import type { Command } from 'commander';
import type { CliContext } from './context';
import type { ConformOptions } from './run-conform';

/** `plugd conform`: needs no daemon, and takes other options than the verbs that do. */
export function defineConform(program: Command, context: CliContext): void {
  program
    .command('conform <plugin> [args...]')
    .summary("checks a plugin against go-plugin's wire")
    .description(
      "Checks a plugin, in whatever language it is written, against go-plugin's wire, rule by rule.",
    )
    .option('--cookie <NAME=VALUE>', 'the cookie that the plugin was built with; required')
    .option('--versions <1,2>', 'all protocol versions that it speaks', '1')
    .option(
      '--mode <mode>',
      'plain, automtls, multiplexed or multiplexed-automtls; may be given again, or as a list. The plugin then has to offer it; default: all that it offers',
      (mode, before: readonly string[] = []) => [...before, ...mode.split(',')],
    )
    .option('--timeout <ms>', 'limit of each wait, in milliseconds', '10000')
    .option('--json', 'prints one JSON document instead of text')
    .addHelpText(
      'after',
      `
Arguments that begin with - go behind --. Exit codes: 0 (every rule holds; warnings are allowed), 1 (one does not),
2 (wrong usage, or the plugin is no program that could be started).`,
    )
    .action(async (plugin: string, args: string[], options: ConformOptions, command: Command) => {
      // Loaded here, for it is much of the host, which other verbs need not wait for.
      const { runConform } = require('./run-conform') as typeof import('./run-conform');
      await runConform(plugin, args, { ...command.parent?.opts(), ...options }, context);
    });
}
