import { setTimeout as pause } from 'node:timers/promises';
import type { Command } from 'commander';
import { confirm } from './confirm';
import type { CliContext } from './context';
import { eachPlugin } from './each-plugin';
import { exitCodes, TimeoutError } from './exit-code';

interface StopOptions {
  readonly yes?: boolean;
}

/** Calls in flight may end, at most as long as the plugins' options allow; by default that is half a minute. */
const standardLimitMs = 120_000;

/** `plugd stop`: the daemon with all its plugins; or, by their names, plugins. */
export function defineStop(program: Command, context: CliContext): void {
  program
    .command('stop [plugins...]')
    .summary('stops the daemon with all its plugins; with names, only those')
    .description(
      'Lets calls in flight end, stops all plugins, and ends the daemon. Waits until its process is gone.\n\nWith names, stops only those plugins; they stay stopped until they are started, or change on disk.',
    )
    .option('-y, --yes', 'does not ask')
    .action(async (plugins: string[], { yes = false }: StopOptions) => {
      const what = plugins.length === 0 ? 'the daemon with all its plugins' : plugins.join(', ');
      if (!(await confirm(context, `Stop ${what}?`, yes))) return context.exitWith(exitCodes.failed);
      if (plugins.length === 0) await stopDaemon(context);
      else await stopPlugins(context, plugins);
    });
}

function stopPlugins(context: CliContext, plugins: readonly string[]): Promise<void> {
  const timeoutMs = context.options.timeoutMs ?? standardLimitMs;
  return eachPlugin(context, plugins, {
    act: (client, plugin) => client.stopPlugin({ plugin }, { timeoutMs }),
    sentence: (plugin) => `Plugin ${plugin} is stopped.`,
    document: (plugin, stopped) => ({ plugin, stopped }),
  });
}

async function stopDaemon(context: CliContext): Promise<void> {
  const client = await context.client();
  const { pid } = client.daemon;
  // Loaded here: other verbs do without processes.
  const { selectPlatform } =
    require('../platform/select-platform') as typeof import('../platform/select-platform');
  const platform = selectPlatform();
  // Known before it may end: afterwards the number may be another's.
  const daemon = { pid, startTime: await platform.startTime(pid) };
  await client.shutdown({}, context.callOptions);
  const limitMs = context.options.timeoutMs ?? standardLimitMs;
  const end = performance.now() + limitMs;
  while (!(await platform.isGone(daemon))) {
    if (performance.now() > end)
      throw new TimeoutError(`The daemon (pid ${pid}) is still ending after ${limitMs} ms.`);
    await pause(20, undefined, { signal: context.signal });
  }
  context.printDone('The daemon is stopped.', String(pid), { pid, stopped: true });
}
