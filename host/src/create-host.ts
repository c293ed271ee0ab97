import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { guardedLogger, stderrLogger } from './events/logger';
import { Host } from './host';
import { checkHostOptions, type HostOptions } from './host-options';
import { HostStore } from './host-store';
import { checkedBytes } from './instance/memory-options';
import { Launcher } from './launch/launcher';
import { selectPlatform } from './platform/select-platform';
import { openPrivateDirectory } from './state/private-directory';
import { type CheckedPluginsDir, checkedPluginsDir } from './watch/watch-options';
import { WatchedPlugins, type WatchedPluginsOptions } from './watched-plugins';

/**
 * Makes a host. It owns a private directory and, except on Windows, a small guardian process that ends the plugins
 * should the host be killed. With `pluginsDir` it resolves when each plugin that is there has been loaded, or refused, of which
 * the log tells.
 *
 * Throws PluginError OPTIONS_INVALID, ARTIFACT_UNREADABLE (there is no such directory of plugins), RUN_DIR_UNSAFE, RUN_DIR_FULL, SOCKET_PATH_TOO_LONG, GUARDIAN_FAILED, and of the state
 * directory STATE_DIR_IN_USE, STATE_DIR_UNUSABLE, STATE_FORMAT_NEWER.
 */
export async function createHost(options: HostOptions = {}): Promise<Host> {
  const { host, begin } = await openHost(options);
  await begin();
  return host;
}

/**
 * A host that has not looked at its `pluginsDir` yet: whoever listens to it from here on misses nothing. Where `begin` throws
 * it has closed the host.
 */
export async function openHost(
  options: HostOptions = {},
): Promise<{ readonly host: Host; begin(): Promise<void> }> {
  checkHostOptions(options);
  checkedBytes('memoryBudgetBytes', options.memoryBudgetBytes, 1);
  const watch = options.pluginsDir === undefined ? undefined : checkedPluginsDir(options.pluginsDir);
  const logger = guardedLogger(options.logger ?? stderrLogger());
  const platform = selectPlatform();
  const launcher = new Launcher({
    platform,
    ...(options.runDir === undefined ? {} : { runDir: options.runDir }),
    log: ({ level, message, fields }) => logger[level](message, fields),
  });
  await launcher.open();
  const stateDir = options.stateDir === undefined ? undefined : resolve(options.stateDir);
  let store: HostStore | undefined;
  let host: Host;
  const watched: WatchedPlugins[] = [];
  try {
    const opened = await HostStore.open({
      stateDir,
      // Made when the launcher was opened.
      runDirectory: launcher.directory ?? tmpdir(),
      snapshots: options.snapshots ?? {},
      logger,
    });
    store = opened;
    const prepared = watch && (await WatchedPlugins.prepare(await watchPlaces(watch, stateDir, launcher)));
    host = new Host(launcher, logger, platform, opened, options.memoryBudgetBytes, (watching) => {
      if (prepared !== undefined) watched.push(prepared(watching));
      return watched[0];
    });
  } catch (error) {
    await store?.close();
    await launcher.close();
    throw error;
  }
  const begin = async () => {
    try {
      await watched[0]?.begin();
    } catch (error) {
      await host.close();
      throw error;
    }
  };
  return { host, begin };
}

/** Copies of a host that is killed are needed to go on where it was; without a state directory they go with it. */
async function watchPlaces(
  watch: CheckedPluginsDir,
  stateDir: string | undefined,
  launcher: Launcher,
): Promise<WatchedPluginsOptions> {
  if (stateDir === undefined) return { watch, copies: launcher.makeSharedDirectory(), pinsFile: undefined };
  const copies = join(stateDir, 'artifacts');
  await openPrivateDirectory(copies);
  return { watch, copies, pinsFile: join(stateDir, 'pins.json') };
}
