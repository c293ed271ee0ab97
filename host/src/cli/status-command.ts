import type { GetDaemonResponse, PluginRow } from '@plugd/protocol/gen/plugd/admin/v1/admin';
import { PluginError } from '@plugd/protocol/plugin-error';
import type { Command } from 'commander';
import type { CliContext } from './context';
import { daemonDocument, pluginDocument } from './documents';
import { age } from './output/age';
import { type Colour, stateColour } from './output/colour';
import { renderFields, renderTable } from './output/table';
import { noteOf, pluginColumns } from './plugin-columns';
import { pluginStatus } from './plugin-status';
import { UsageError } from './usage-error';

interface StatusOptions {
  readonly offline?: boolean;
  readonly stateDir?: string;
}

/** `plugd status`: how the daemon is, and what needs a look; or how one plugin is. */
export function defineStatus(program: Command, context: CliContext): void {
  program
    .command('status [plugin]')
    .summary('shows how the daemon is, and which plugins need a look; or how one is')
    .description(
      'Shows how the daemon is, how many plugins there are in each state, and those that need a look: which do not serve, are being changed, or have a problem.\n\nWith a plugin, how that one is.',
    )
    .option('--offline', 'reads what a daemon that is down has left: what it was in the middle of')
    .option(
      '--state-dir <path>',
      "with --offline: the daemon's state directory; default: the config's, or the user's own",
    )
    .action(async (plugin: string | undefined, { offline = false, stateDir }: StatusOptions) => {
      if (stateDir !== undefined && !offline) throw new UsageError('--state-dir is for --offline.');
      if (offline) {
        // Loaded here: who asks a daemon does without what reads its files.
        const { offlineStatus } = require('./offline-status') as typeof import('./offline-status');
        context.printOne(await offlineStatus(context, { stateDir, plugin }));
      } else if (plugin === undefined) await daemonStatus(context);
      else context.printOne(await pluginStatus(plugin, context));
    });
}

async function daemonStatus(context: CliContext): Promise<void> {
  const client = await context.client().catch((error: unknown) => {
    throw withOffline(error);
  });
  const [daemon, { plugins }] = await Promise.all([
    client.getDaemon({}, context.callOptions),
    client.listPlugins({}, context.callOptions),
  ]);
  const counts = countStates(plugins);
  const striking = plugins.filter((row) => row.state !== 'serving' || noteOf(row) !== '');
  context.printOne({
    text: () => asText(context, daemon, counts, striking),
    name: daemon.socket,
    document: {
      daemon: daemonDocument(daemon),
      plugins: { total: plugins.length, byState: Object.fromEntries(counts) },
      striking: striking.map(pluginDocument),
    },
  });
}

/** Who finds it down wants to know what it was doing. */
function withOffline(error: unknown): unknown {
  if (!(error instanceof PluginError) || error.code !== 'DAEMON_UNREACHABLE') return error;
  const { summary, facts, hint, cause } = error;
  const more = `${hint} \`plugd status --offline\` tells what it has left.`;
  return new PluginError('DAEMON_UNREACHABLE', summary, { facts, hint: more, cause });
}

function countStates(plugins: readonly PluginRow[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { state } of plugins) counts.set(state, (counts.get(state) ?? 0) + 1);
  return new Map([...counts].sort(([, a], [, b]) => b - a));
}

function asText(
  { paint, width }: CliContext,
  daemon: GetDaemonResponse,
  counts: ReadonlyMap<string, number>,
  striking: readonly PluginRow[],
): string {
  const now = Date.now();
  const places: [name: string, value: string | number, colour?: Colour][] = [
    ['Daemon', `plugd ${daemon.version}, process ${daemon.pid}, for ${age(now - daemon.startedAt)}`],
    ['Socket', daemon.socket],
    ['Front door', daemon.frontDoor],
    ['Metrics', daemon.metrics],
    ['Config', daemon.configFile],
    ['Plugins on disk', daemon.pluginsDir],
    ['State', daemon.stateDir],
    ['Logs', daemon.logDir],
  ];
  if (daemon.configProblem !== '') places.push(['Config problem', daemon.configProblem, 'red']);
  const states = [...counts].map(([state, count]) => paint(stateColour(state), `${count} ${state}`));
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  const counted = total === 0 ? 'There are no plugins.' : `Plugins: ${total} (${states.join(', ')})`;
  const table =
    striking.length === 0
      ? ''
      : `\n${renderTable(pluginColumns(now), striking, { paint, ...(width === undefined ? {} : { width }) })}`;
  return `${renderFields(places, { paint })}\n${counted}\n${table}`;
}
