import type { Command } from 'commander';
import type { CliContext } from './context';
import { operationDocument } from './documents';
import { orNoPlugin } from './operation/or-no-plugin';
import { versionsOf } from './operation/picture';

/** `plugd abort`: the operation that is under way. */
export function defineAbort(program: Command, context: CliContext): void {
  program
    .command('abort')
    .summary('gives up the operation that is under way')
    .description(
      'Gives up the operation that is under way: what it has done is undone, and the version that ran before serves alone. Fails where none is, or where it is too late.',
    )
    .argument('<plugin>', 'its name')
    .option('--reason <text>', 'is told to whoever waits for it, and stands in the events')
    .action(async (plugin: string, { reason = '' }: { readonly reason?: string }) => {
      const client = await context.client();
      const asked = client.abortOperation({ plugin, id: '', reason }, context.callOptions);
      const { operation } = await orNoPlugin(context, client, plugin, asked);
      if (operation === undefined) return;
      const sentence = `The ${operation.operation} of ${plugin} ${versionsOf(operation)} is given up.`;
      context.printDone(sentence, operation.id, operationDocument(operation));
    });
}
