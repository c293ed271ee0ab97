import type { Command } from 'commander';
import type { CliContext } from './context';
import { operationDocument } from './documents';
import { orNoPlugin } from './operation/or-no-plugin';
import { versionsOf } from './operation/picture';

/** `plugd promote`: the new version of the operation that is under way. */
export function definePromote(program: Command, context: CliContext): void {
  program
    .command('promote')
    .summary('promotes the new version now, whatever its strategy still waits for')
    .description(
      'Promotes the new version of the operation that is under way, whatever its strategy still waits for. Fails where none is, or where it is too late.',
    )
    .argument('<plugin>', 'its name')
    .action(async (plugin: string) => {
      const client = await context.client();
      const asked = client.promoteOperation({ plugin, id: '' }, context.callOptions);
      const { operation } = await orNoPlugin(context, client, plugin, asked);
      if (operation === undefined) return;
      const sentence = `The ${operation.operation} of ${plugin} ${versionsOf(operation)} is promoted.`;
      context.printDone(sentence, operation.id, operationDocument(operation));
    });
}
