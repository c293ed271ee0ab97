import type { Command } from 'commander';
import type { CliContext } from './context';

/** `plugd unpin`: ends what `plugd pin` began. */
export function defineUnpin(program: Command, context: CliContext): void {
  program
    .command('unpin <plugin>')
    .summary('lets a pinned plugin follow what is on disk again')
    .description(
      'Lets a plugin that was pinned follow what is on disk again: the highest version that is fit is run. A pin of the config stays.',
    )
    .action(async (plugin: string) => {
      const client = await context.client();
      // First, for a plugin that is gone may be pinned too; but of a name that nobody knows it is said.
      await client.unpinPlugin({ plugin }, context.callOptions);
      const { row } = await client.describePlugin({ plugin }, context.callOptions);
      const pinnedVersion = row?.pinnedVersion || null;
      const rest = pinnedVersion === null ? 'is not pinned' : `is pinned at ${pinnedVersion} by the config`;
      context.printDone(`${plugin} ${rest}.`, plugin, { plugin, pinnedVersion });
    });
}
