import { findConfig, readConfig } from '../config/read-config';
import { lookOf } from '../daemon/config-watch';
import { type Daemon, startDaemon } from '../daemon/daemon';
import type { CliContext } from './context';
import { exitCodes } from './exit-code';
import { ownVersion } from './own-version';

/** Runs a daemon until it is stopped. */
export async function runDaemon(context: CliContext): Promise<void> {
  let daemon: Daemon | undefined;
  // One that comes while it starts may be for a config that is newer than the one it has read.
  let hungUp = false;
  const hangUp = () => {
    hungUp = true;
    void daemon?.reconcile();
  };
  const lastWords = (error: Error) =>
    daemon?.log.error('the daemon breaks off', { error: String(error.stack) });
  process.on('SIGHUP', hangUp).on('uncaughtExceptionMonitor', lastWords);
  // From here on a signal ends it cleanly.
  const { signal } = context;
  try {
    daemon = await start(context);
    if (hungUp) void daemon.reconcile();
    const stop = () => void daemon?.stop();
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    outliveReaders();
    tell(context, daemon);
    await Promise.race([daemon.loaded, daemon.closed]);
    await daemon.closed;
  } finally {
    await daemon?.stop();
    process.off('SIGHUP', hangUp).off('uncaughtExceptionMonitor', lastWords);
  }
  // To end by a signal is how a daemon ends.
  context.exitWith(exitCodes.ok);
}

async function start({ env, cwd, options }: CliContext): Promise<Daemon> {
  const { config: given, socket, quiet } = options;
  const configFile = await findConfig({ given, env, cwd });
  const configLook = configFile === undefined ? undefined : lookOf(configFile);
  const config = configFile === undefined ? undefined : await readConfig(configFile);
  const stderr = quiet ? undefined : 'info';
  return startDaemon({ config, configFile, configLook, env, cwd, socket, version: ownVersion(), stderr });
}

function tell(context: CliContext, daemon: Daemon): void {
  const about = daemon.about();
  const { version, pid, socket, frontDoor } = about;
  const door = frontDoor === '' ? '' : `, front door ${frontDoor}`;
  context.printDone(`plugd ${version} runs (pid ${pid}): admin API unix:${socket}${door}`, socket, about);
}

/** Other verbs end when nobody reads what they write. A daemon has its log, and plugins to look after. */
function outliveReaders(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.removeAllListeners('error');
    stream.on('error', () => {});
  }
}
