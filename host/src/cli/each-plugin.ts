import { PluginError } from '@plugd/protocol/plugin-error';
import type { AdminClient } from '../admin/admin-client';
import type { CliContext } from './context';
import { exitCodes } from './exit-code';
import { reportError } from './report-error';

/** What is done to each of the plugins that were named. */
export interface Deed {
  readonly act: (client: AdminClient, plugin: string) => Promise<unknown>;
  readonly sentence: (plugin: string) => string;
  readonly document: (plugin: string, done: boolean) => Readonly<Record<string, unknown>>;
}

/**
 * Does it to one after the other. Of several all have to be there before anything is done; past one that fails it goes on, and
 * scripts get one list.
 *
 * @throws PluginError PLUGIN_NOT_FOUND; DAEMON_UNREACHABLE; of one plugin, what it failed with
 */
export async function eachPlugin(context: CliContext, typed: readonly string[], deed: Deed): Promise<void> {
  const { act, sentence, document } = deed;
  const client = await context.client();
  const plugins = [...new Set(typed)];
  const tell = (plugin: string) => context.printDone(sentence(plugin), plugin, document(plugin, true));
  const [only, another] = plugins;
  if (only !== undefined && another === undefined) {
    await act(client, only);
    return tell(only);
  }
  await expectAll(context, client, plugins);
  const asDocuments = context.output === 'json' || context.output === 'yaml';
  const documents: unknown[] = [];
  try {
    for (const plugin of plugins) {
      const done = await succeeds(context, () => act(client, plugin));
      if (asDocuments) documents.push(document(plugin, done));
      else if (done) tell(plugin);
    }
  } finally {
    if (asDocuments) context.printOne({ text: () => '', name: '', document: documents });
  }
}

async function expectAll(context: CliContext, client: AdminClient, names: readonly string[]): Promise<void> {
  const { plugins } = await client.listPlugins({}, context.callOptions);
  const known = new Set(plugins.map(({ name }) => name));
  const missing = names.filter((name) => !known.has(name));
  const [plugin] = missing;
  if (plugin === undefined) return;
  const summary =
    missing.length === 1 ? `There is no plugin ${plugin}.` : `There are no plugins ${missing.join(', ')}.`;
  throw new PluginError('PLUGIN_NOT_FOUND', summary, { facts: { plugin } });
}

/** False where the daemon has refused it, which is told. */
async function succeeds(context: CliContext, work: () => Promise<unknown>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    // Without a daemon, or without time, nothing more can be done.
    if (!(error instanceof PluginError) || error.code === 'DAEMON_UNREACHABLE') throw error;
    reportError(error, context);
    context.exitWith(exitCodes.failed);
    return false;
  }
}
