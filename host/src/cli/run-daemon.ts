import { findConfig, readConfig } from '../config/read-config';
import { type Daemon, startDaemon } from '../daemon/daemon';
import type { CliContext } from './context';
import { exitCodes } from './exit-code';
import { ownVersion } from './own-version';

/** Runs a daemon until it is stopped. */
export async function runDaemon(context: CliContext): Promise<void> {
  const { env, cwd, options } = context;
  let daemon: Daemon | undefined;
  const hangUp = () => void daemon?.reconcile();
  const lastWords = (error: Error) =>
    daemon?.log.error('the daemon breaks off', { error: String(error.stack) });
  process.on('SIGHUP', hangUp).on('uncaughtExceptionMonitor', lastWords);
  // From here on a signal ends it cleanly.
  const { signal } = context;
  const configFile = await findConfig({ given: options.config, env, cwd });
  const config = configFile === undefined ? undefined : await readConfig(configFile);
  const { socket, quiet } = options;
  const version = ownVersion();
  const stderr = quiet ? undefined : 'info';
  outliveReaders();
  daemon = await startDaemon({ config, configFile, env, cwd, socket, version, stderr });
  const stop = () => void daemon?.stop();
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop, { once: true });
  const about = daemon.about();
  const door = about.frontDoor === '' ? '' : `, front door ${about.frontDoor}`;
  const sentence = `plugd ${version} runs (pid ${about.pid}): admin API unix:${about.socket}${door}`;
  context.printDone(sentence, about.socket, about);
  try {
    await Promise.race([daemon.loaded, daemon.closed]);
    await daemon.closed;
  } finally {
    await daemon.stop();
    process.off('SIGHUP', hangUp).off('uncaughtExceptionMonitor', lastWords);
  }
  // To end by a signal is how a daemon ends.
  context.exitWith(exitCodes.ok);
}

/** Other verbs end when nobody reads what they write. A daemon has its log, and plugins to look after. */
function outliveReaders(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.removeAllListeners('error');
    stream.on('error', () => {});
  }
}
