import type { Command } from 'commander';
import type { CliContext } from './context';

/** `plugd unpin`: ends what `plugd pin` began. */
export function defineUnpin(program: Command, context: CliContext): void {
  program
    .command('unpin <plugin>')
    .summary('lets a pinned plugin follow what is on disk again')
    .action(async (plugin: string) => {
      const client = await context.client();
      await client.unpinPlugin({ plugin }, context.callOptions);
      context.printDone(`${plugin} is not pinned.`, plugin, { plugin, pinnedVersion: null });
    });
}
