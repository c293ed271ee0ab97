import type { CliContext } from './context';

/** `plugd start kv`: each runs when this is done. */
export async function startPlugins(context: CliContext, plugins: readonly string[]): Promise<void> {
  const client = await context.client();
  for (const plugin of plugins) {
    await client.startPlugin({ plugin }, context.callOptions);
    context.printDone(`Plugin ${plugin} runs.`, plugin, { plugin, started: true });
  }
}
