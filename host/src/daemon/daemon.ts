import type { GetDaemonResponse } from '@plugd/protocol/gen/plugd/admin/v1/admin';
import { PluginError } from '@plugd/protocol/plugin-error';
import { AdminServer } from '../admin/admin-server';
import { adminService } from '../admin/admin-service';
import { daemonPlaces, makeSocketDirectories } from '../config/places';
import type { Logger } from '../events/logger';
import { DaemonBackend } from './backend';
import type { DaemonOptions } from './daemon-options';
import { type DaemonParts, openParts } from './daemon-parts';
import { checkDaemonPlatform } from './daemon-platform';
import { checkPluginsDir } from './plugins-dir';

/** A daemon that runs. */
export interface Daemon {
  /** Its own log. */
  readonly log: Logger;
  about(): GetDaemonResponse;
  /** Resolves when the plugins that were there have been loaded, or refused. Rejects where they can't be looked at. */
  readonly loaded: Promise<void>;
  /** Resolves when nothing of it is left, whoever has stopped it. */
  readonly closed: Promise<void>;
  /** Reads the config again, as SIGHUP asks for. Never rejects: what is wrong is logged. */
  reconcile(): Promise<void>;
  /** Drains and stops all plugins, and ends. Never rejects. May be called again. */
  stop(): Promise<void>;
}

/**
 * Starts a daemon: a host that is asked and told by its admin API. Resolves when that answers; plugins are loaded meanwhile.
 *
 * Throws PluginError: what `createHost` throws, SOCKET_IN_USE where another daemon listens, SOCKET_PATH_TOO_LONG, LISTEN_FAILED,
 * RUN_DIR_UNSAFE, LOGS_UNUSABLE, DISK_FULL, PLATFORM_UNSUPPORTED.
 */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  checkDaemonPlatform();
  const { env, cwd, config, configFile, socket } = options;
  const asked = { env, cwd, config, configFile, socket };
  const places = daemonPlaces(asked);
  await checkPluginsDir(places.pluginsDir);
  await makeSocketDirectories(places, asked);
  const parts = await openParts(options, places).catch((error: unknown) => {
    throw withHint(error);
  });
  try {
    return await RunningDaemon.open(options, parts);
  } catch (error) {
    await parts.close();
    throw withHint(error);
  }
}

class RunningDaemon implements Daemon {
  readonly loaded: Promise<void>;
  readonly closed: Promise<void>;
  readonly #options: DaemonOptions;
  readonly #parts: DaemonParts;
  readonly #startedAt = Date.now();
  #server: AdminServer | undefined;
  #stopped: Promise<void> | undefined;
  #begin: (loaded: Promise<void>) => void = () => {};
  #loading = true;
  #close: () => void = () => {};

  private constructor(options: DaemonOptions, parts: DaemonParts) {
    this.#options = options;
    this.#parts = parts;
    this.loaded = new Promise((resolve) => {
      this.#begin = resolve;
    });
    this.closed = new Promise((resolve) => {
      this.#close = resolve;
    });
  }

  static async open(options: DaemonOptions, parts: DaemonParts): Promise<Daemon> {
    const daemon = new RunningDaemon(options, parts);
    const backend = new DaemonBackend({
      ...parts,
      about: () => daemon.about(),
      // What asked for it is to have its answer.
      shutdown: () => setImmediate(() => void daemon.stop()),
    });
    daemon.#server = await AdminServer.open(parts.places.socket, adminService(backend));
    const { socket, pluginsDir } = parts.places;
    parts.log.info('the daemon runs', { version: options.version, pid: process.pid, socket, pluginsDir });
    const loaded = parts.begin();
    loaded
      .catch((error: unknown) => parts.log.error('no plugin can be run', { error: String(error) }))
      .finally(() => {
        daemon.#loading = false;
      });
    daemon.#begin(loaded);
    daemon.loaded.catch(() => {});
    parts.reconciler.watch(() => void daemon.#reconcile('config'), options.configLook);
    return daemon;
  }

  about(): GetDaemonResponse {
    const { places, book, events, doors, metrics } = this.#parts;
    return {
      version: this.#options.version,
      pid: process.pid,
      startedAt: this.#startedAt,
      socket: places.socket,
      stateDir: places.stateDir,
      pluginsDir: places.pluginsDir ?? '',
      configFile: this.#options.configFile ?? '',
      frontDoor: doors.target,
      metrics: metrics?.target ?? '',
      logDir: places.logDir,
      configProblem: book.problem,
      eventSequence: events.latest,
      ending: this.#stopped !== undefined,
      loading: this.#loading,
    };
  }

  reconcile(): Promise<void> {
    return this.#reconcile('signal');
  }

  get log(): Logger {
    return this.#parts.log;
  }

  async #reconcile(client: 'signal' | 'config'): Promise<void> {
    if (this.#stopped !== undefined) return;
    const record = { client, verb: 'reconcile', plugin: undefined, parameters: {} } as const;
    try {
      await this.#parts.reconciler.reconcile();
      this.#parts.audit.write({ ...record, outcome: 'done' });
    } catch (error) {
      // It is logged already.
      const outcome = error instanceof PluginError ? error.code : 'failed';
      this.#parts.audit.write({ ...record, outcome });
    }
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    const { log, events } = this.#parts;
    log.info('the daemon ends', {});
    await this.#parts.close(async () => {
      // Whoever follows events has seen the last one; new clients find nobody.
      events.close();
      await this.#server?.close();
    });
    this.#close();
  }
}

const hints: Readonly<Partial<Record<string, string>>> = {
  STATE_DIR_IN_USE:
    'Another daemon has it: `plugd status` shows it, `plugd stop` ends it. Or give this one a stateDir of its own.',
  SOCKET_IN_USE:
    'Another daemon listens there: `plugd status` shows it, `plugd stop` ends it. Or choose a socket in another directory.',
};

function withHint(error: unknown): unknown {
  if (!(error instanceof PluginError)) return error;
  const hint = hints[error.code];
  if (hint === undefined) return error;
  const { code, summary, facts, cause } = error;
  return new PluginError(code, summary, { facts, hint, ...(cause === undefined ? {} : { cause }) });
}
