import type { CliContext } from './context';
import { eachPlugin } from './each-plugin';

/** `plugd start kv`: each runs when this is done. */
export function startPlugins(context: CliContext, plugins: readonly string[]): Promise<void> {
  return eachPlugin(context, plugins, {
    act: (client, plugin) => client.startPlugin({ plugin }, context.callOptions),
    sentence: (plugin) => `Plugin ${plugin} runs.`,
    document: (plugin, started) => ({ plugin, started }),
  });
}
