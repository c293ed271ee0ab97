import { findConfig, readConfig } from '../config/read-config';
import { startDaemon } from '../daemon/daemon';
import type { CliContext } from './context';
import { exitCodes } from './exit-code';
import { ownVersion } from './own-version';

/** Runs a daemon until it is stopped. */
export async function runDaemon(context: CliContext): Promise<void> {
  const { env, cwd, options } = context;
  // From here on a signal ends it cleanly.
  const { signal } = context;
  const configFile = await findConfig({ given: options.config, env, cwd });
  const config = configFile === undefined ? undefined : await readConfig(configFile);
  const { socket, quiet } = options;
  const version = ownVersion();
  const stderr = quiet ? undefined : 'info';
  const daemon = await startDaemon({ config, configFile, env, cwd, socket, version, stderr });
  const stop = () => void daemon.stop();
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop, { once: true });
  const about = daemon.about();
  context.printOne({
    text: () => `plugd ${version} runs (pid ${about.pid}): ${about.socket}\n`,
    name: about.socket,
    document: about,
  });
  const hangUp = () => void daemon.reconcile();
  process.on('SIGHUP', hangUp);
  try {
    await Promise.race([daemon.loaded, daemon.closed]);
    await daemon.closed;
  } finally {
    await daemon.stop();
    process.off('SIGHUP', hangUp);
  }
  // To end by a signal is how a daemon ends.
  context.exitWith(exitCodes.ok);
}
