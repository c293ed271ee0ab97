import type { GetDaemonResponse } from '@plugd/protocol/gen/plugd/admin/v1/admin';
import { AdminServer } from '../admin/admin-server';
import { adminService } from '../admin/admin-service';
import { EventBuffer } from '../admin/event-buffer';
import { OperationsBook } from '../admin/operations-book';
import type { DaemonConfig } from '../config/config';
import { type DaemonPlaces, daemonPlaces, makeSocketDirectories } from '../config/places';
import { guardedLogger, type Logger, stderrLogger } from '../events/logger';
import { type Host, openHost } from '../host';
import { DaemonBackend } from './backend';
import { PluginChanges } from './plugin-changes';
import { PluginViews } from './plugin-views';

/** How a daemon is started. */
export interface DaemonOptions {
  /** Undefined: it runs without one. */
  readonly config: DaemonConfig | undefined;
  /** Where it was read from, as an absolute path. */
  readonly configFile: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The working directory, absolute. */
  readonly cwd: string;
  /** Of the admin API; wins over the config. */
  readonly socket?: string | undefined;
  /** Of plugd, as `GetDaemon` tells it. */
  readonly version: string;
}

/** A daemon that runs. */
export interface Daemon {
  readonly socket: string;
  about(): GetDaemonResponse;
  /** Resolves when the plugins that were there have been loaded, or refused. Rejects where they can't be looked at. */
  readonly loaded: Promise<void>;
  /** Resolves when nothing of it is left, whoever has stopped it. */
  readonly closed: Promise<void>;
  /** Drains and stops all plugins, and ends. Never rejects. May be called again. */
  stop(): Promise<void>;
}

/**
 * Starts a daemon: a host that is asked and told by its admin API. Resolves when that answers; plugins are loaded meanwhile.
 *
 * Throws PluginError: what `createHost` throws, SOCKET_IN_USE where another daemon listens, SOCKET_PATH_TOO_LONG, LISTEN_FAILED,
 * RUN_DIR_UNSAFE.
 */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const { env, cwd, config, configFile, socket } = options;
  const asked = { env, cwd, config, configFile, socket };
  const places = daemonPlaces(asked);
  await makeSocketDirectories(places, asked);
  const logger = guardedLogger(stderrLogger('info'));
  const { host, begin } = await openHost(hostOptions(places, config, logger));
  try {
    return await RunningDaemon.open(options, places, host, begin);
  } catch (error) {
    await host.close();
    throw error;
  }
}

function hostOptions(places: DaemonPlaces, config: DaemonConfig | undefined, logger: Logger) {
  const { stateDir, pluginsDir } = places;
  const { memoryBudgetBytes, watch } = config ?? {};
  return {
    stateDir,
    logger,
    ...(memoryBudgetBytes === undefined ? {} : { memoryBudgetBytes }),
    ...(pluginsDir === undefined ? {} : { pluginsDir: { directory: pluginsDir, ...watch } }),
  };
}

class RunningDaemon implements Daemon {
  readonly about: () => GetDaemonResponse;
  readonly loaded: Promise<void>;
  readonly closed: Promise<void>;
  readonly #host: Host;
  readonly #events: EventBuffer;
  #server: AdminServer | undefined;
  #stopped: Promise<void> | undefined;
  #closed: () => void = () => {};

  private constructor(
    about: () => GetDaemonResponse,
    host: Host,
    events: EventBuffer,
    loaded: Promise<void>,
  ) {
    this.about = about;
    this.loaded = loaded;
    this.#host = host;
    this.#events = events;
    this.closed = new Promise((resolve) => {
      this.#closed = resolve;
    });
  }

  static async open(
    options: DaemonOptions,
    places: DaemonPlaces,
    host: Host,
    begin: () => Promise<void>,
  ): Promise<Daemon> {
    const events = new EventBuffer();
    const operations = new OperationsBook((plugin) => host.plugin(plugin)?.status().generation ?? 0);
    host.on('event', events.add);
    host.on('operation', operations.begun);
    const startedAt = Date.now();
    const changes = new PluginChanges(host, operations);
    const views = new PluginViews({ host, operations, events, changes, config: () => options.config });
    let shutdown = (): void => {};
    const about = (): GetDaemonResponse => ({
      version: options.version,
      pid: process.pid,
      startedAt,
      socket: places.socket,
      stateDir: places.stateDir,
      pluginsDir: places.pluginsDir ?? '',
      configFile: options.configFile ?? '',
      frontDoor: '',
      metrics: '',
      logDir: places.logDir,
      configProblem: '',
      eventSequence: events.latest,
    });
    const stop = () => shutdown();
    const backend = new DaemonBackend({ host, events, operations, changes, views, about, shutdown: stop });
    const server = await AdminServer.open(places.socket, adminService(backend));
    const loaded = begin();
    loaded.catch(() => {});
    const daemon = new RunningDaemon(about, host, events, loaded);
    daemon.#server = server;
    // What asked for it is to have its answer.
    shutdown = () => setImmediate(() => void daemon.stop());
    return daemon;
  }

  get socket(): string {
    return this.about().socket;
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    await this.#host.close();
    this.#events.close();
    await this.#server?.close();
    this.#closed();
  }
}
