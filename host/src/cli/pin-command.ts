import type { Command } from 'commander';
import type { CliContext } from './context';

/** `plugd pin`: holds a plugin at a version. */
export function definePin(program: Command, context: CliContext): void {
  program
    .command('pin <plugin> <version>')
    .summary('holds a plugin at a version on disk')
    .description(
      'Holds a plugin at a version on disk: it is run, if it does not run already, and newer ones are left alone until the plugin is unpinned.',
    )
    .action(async (plugin: string, version: string) => {
      const client = await context.client();
      await client.pinPlugin({ plugin, version }, context.callOptions);
      context.printDone(`${plugin} is pinned at ${version}.`, plugin, { plugin, pinnedVersion: version });
    });
}
