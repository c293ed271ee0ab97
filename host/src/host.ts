import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { PluginError } from '@plugd/protocol/plugin-error';
import { valid } from 'semver';
import { EventLog, type HostEventListener } from './events/event-log';
import { guardedLogger, type Logger, logLevels, stderrLogger } from './events/logger';
import { HostStore } from './host-store';
import {
  type AttachOptions,
  agreeOnCertificates,
  checkedAttachOptions,
  loadOptionsOf,
  type MissingOption,
} from './instance/attach-options';
import { InstanceFactory } from './instance/instance-factory';
import type { LoadOptions } from './instance/load-options';
import { checkedBytes } from './instance/memory-options';
import { check, checkGroup, isRecord, isText, refuse } from './instance/option-check';
import { resolveSpec } from './instance/plugin-spec';
import { Launcher } from './launch/launcher';
import { parseReattachLine } from './launch/reattach-line';
import { ManagedPlugin, type PluginSurroundings } from './managed-plugin';
import { selectPlatform } from './platform/select-platform';
import type { HandedOver, Plugin } from './plugin';
import type { PluginHost } from './plugin-host';
import type { HostSnapshot, PluginSnapshot } from './plugin-snapshot';
import { openPrivateDirectory } from './state/private-directory';
import type { SnapshotLimits } from './state/snapshot-store-options';
import { restartedWith, startOrder, stopInOrder } from './supervision/dependency-order';
import { StallMeter } from './supervision/stall-meter';
import { residentBytes } from './upgrade/memory-watch';
import type { BegunOperation } from './upgrade/operation-handle';
import { type CheckedPluginsDir, checkedPluginsDir, type PluginsDirOptions } from './watch/watch-options';
import type { WatchingHost } from './watched-lanes';
import { WatchedPlugins, type WatchedPluginsOptions } from './watched-plugins';

/** How to make a host. */
export interface HostOptions {
  /**
   * Where the host makes its directory, which holds the plugins' sockets. It has to belong to this user, and nobody
   * else may write to it. Default: XDG_RUNTIME_DIR, else the temporary directory.
   */
  readonly runDir?: string;
  /**
   * Where the host keeps the journal of its operations and the states of its plugins beyond its own life: the next host with
   * this directory finishes or undoes an operation in which this one was killed, and gives a plugin its last kept state. One
   * host at a time; made, 0700, if it is missing. What is in it of states is encrypted. Default: nothing outlives the host.
   */
  readonly stateDir?: string;
  /** How much is kept of the states that plugins hand over, for a rollback or after a crash. */
  readonly snapshots?: SnapshotLimits;
  /**
   * The most memory that all plugins may have together when a second version of one is to run beside the first; else the
   * upgrade is refused or recreates, as the plugin's `memory.ifShort` says. In bytes. Default: no limit.
   */
  readonly memoryBudgetBytes?: number;
  /**
   * A directory of plugins with manifests, `<name>/<version>/plugin.yaml`, each run at its highest version for as long as it
   * lies there: what is added is loaded, a new version or another content is upgraded to, what is taken away is stopped. Plugins
   * run from copies. Default: the host runs what it is told to.
   */
  readonly pluginsDir?: string | PluginsDirOptions;
  /** Where the host and its plugins log; `console` fits. Default: warnings and errors, a line each, on stderr. */
  readonly logger?: Logger;
}

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

function nameTaken(name: string): PluginError {
  return new PluginError('NAME_TAKEN', `There is a plugin named ${name} already.`);
}

function snapshotOf(plugin: ManagedPlugin): PluginSnapshot {
  return { ...plugin.status(), statistics: plugin.statistics() };
}

function checkHostOptions(options: HostOptions): void {
  check(isRecord(options), 'options', options, 'an object');
  const { runDir, stateDir, snapshots, logger } = options;
  check(stateDir === undefined || (isText(stateDir) && stateDir !== ''), 'stateDir', stateDir, 'a path');
  checkGroup('snapshots', snapshots ?? {});
  check(runDir === undefined || (isText(runDir) && runDir !== ''), 'runDir', runDir, 'a path');
  const logs =
    logger === undefined ||
    (isRecord(logger) && logLevels.every((level) => typeof logger[level] === 'function'));
  check(logs, 'logger', logger, `an object with the methods ${logLevels.join(', ')}`);
}

/** Called for each operation that is asked for: it should be quick. What it throws is logged. */
export type OperationListener = (begun: BegunOperation) => void;

type HostListener =
  | [event: 'event', listener: HostEventListener]
  | [event: 'operation', listener: OperationListener];

/** Runs plugins. Made by {@link createHost}; ended by `close()`, or at the end of its scope by `await using`. */
export class Host implements PluginHost {
  readonly #launcher: Launcher;
  readonly #events: EventLog;
  readonly #surroundings: PluginSurroundings;
  readonly #stalls = new StallMeter();
  readonly #plugins = new Map<string, ManagedPlugin>();
  readonly #watched: WatchedPlugins | undefined;
  readonly #onOperation = new Set<OperationListener>();
  #closed: Promise<void> | undefined;

  /** Use {@link createHost}. */
  constructor(
    launcher: Launcher,
    logger: Logger,
    platform: PluginSurroundings['platform'],
    store: HostStore,
    memoryBudgetBytes?: number,
    watch?: (host: WatchingHost) => WatchedPlugins | undefined,
  ) {
    this.#launcher = launcher;
    this.#events = new EventLog(logger);
    const { emit } = this.#events;
    const factory = new InstanceFactory({ launcher, platform, logger, emit });
    const stalls = this.#stalls;
    stalls.start();
    this.#surroundings = {
      factory,
      platform,
      logger,
      emit,
      stalls,
      directory: store.runDirectory,
      token: launcher.token,
      store,
      memoryBudget:
        memoryBudgetBytes === undefined
          ? undefined
          : async () => {
              const pids = [...this.#plugins.values()].flatMap((plugin) => plugin.pids);
              return { limitBytes: memoryBudgetBytes, usedBytes: (await residentBytes(platform, pids)) ?? 0 };
            },
      onRestarted: (plugin) => this.#restartDependents(plugin),
      onOperation: (begun) => this.#tellOperation(begun),
    };
    this.#watched = watch?.({
      emit,
      logger,
      load: (options) => this.load(options),
      loaded: () => [...this.#plugins.values()].map((plugin) => ({ plugin, directory: plugin.directory })),
    });
  }

  /**
   * Starts a plugin and resolves when a health check has proved that it answers. On any failure nothing of it is
   * left, and the name is free again.
   *
   * Throws PluginError: OPTIONS_INVALID, NAME_TAKEN, HOST_CLOSED, or the code of what went wrong in the start
   * (docs/errors.md).
   */
  load(options: LoadOptions): Promise<Plugin> {
    return this.#add(options, (plugin) => plugin.start());
  }

  /**
   * Takes over a plugin process that another host handed over ({@link handOver}), without restarting it. What it
   * prints is not seen: that is its former host's to read.
   *
   * Throws PluginError ATTACH_FAILED if the process is gone, and what `load` throws.
   */
  async attach(handedOver: HandedOver): Promise<Plugin>;
  /**
   * Attaches to a plugin that was started by hand, under a debugger say, by the line of JSON that it printed: a
   * plugin of plugd's SDK with `debug`, one in go-plugin's test mode, or the one entry of TF_REATTACH_PROVIDERS. The
   * process is not the host's: it is never signalled, and left running in the end, unless its line has no
   * `"Test":true`; then it is asked to leave. It can't be handed over.
   *
   * Throws PluginError ATTACH_FAILED if the line can't be read or nothing answers there, PROTOCOL_UNSUPPORTED,
   * PROTOCOL_VERSION_MISMATCH, AUTO_MTLS_UNSUPPORTED, and what `load` throws.
   */
  async attach(line: string, options: AttachOptions): Promise<Plugin>;
  async attach(target: HandedOver | string, options?: AttachOptions): Promise<Plugin> {
    if (typeof target === 'string') return this.#attachByLine(target, options);
    const handedOver = target;
    // Its value holds a private key, which no message shows.
    const good = isRecord(handedOver) && isRecord(handedOver.record);
    check(good, 'handedOver', typeof handedOver, 'what handOver() or handedOver() gave, not its JSON');
    const { options: given, record, others = [] } = handedOver;
    return this.#add(given, (plugin) => plugin.attach([record, ...others]));
  }

  async #attachByLine(text: string, options: AttachOptions | undefined): Promise<Plugin> {
    const given = checkedAttachOptions(options);
    const line = parseReattachLine(text, given.handshake?.protocolVersions);
    const { certificate = null } = given;
    agreeOnCertificates(line, certificate !== null);
    const { options: later, missing } = loadOptionsOf(given, line.protocolVersion);
    return this.#add(later, (plugin) => plugin.attachByLine(line, certificate), missing);
  }

  async #add(
    options: LoadOptions,
    open: (plugin: ManagedPlugin) => Promise<void>,
    missing: readonly MissingOption[] = [],
  ): Promise<Plugin> {
    if (this.#closed !== undefined) throw new PluginError('HOST_CLOSED', 'The host is closed.');
    const plugin = new ManagedPlugin(options, this.#surroundings, missing);
    if (this.#plugins.has(plugin.name)) {
      throw nameTaken(plugin.name);
    }
    startOrder(this.#dependencies([plugin]));
    this.#plugins.set(plugin.name, plugin);
    const forget = () => {
      if (this.#plugins.get(plugin.name) === plugin) this.#plugins.delete(plugin.name);
    };
    plugin.onStopped(forget);
    try {
      await open(plugin);
      return plugin;
    } catch (error) {
      forget();
      throw error;
    }
  }

  /**
   * Loads several plugins, each after those that it depends on, and those that don't depend on each other at the same
   * time. If one of them fails, those that were loaded by this call are stopped again, and its error is thrown.
   *
   * Throws PluginError NAME_TAKEN, DEPENDENCY_CYCLE, DEPENDENCY_MISSING before anything is started, and what `load`
   * throws.
   */
  async loadAll(all: readonly LoadOptions[]): Promise<Plugin[]> {
    check(Array.isArray(all), 'options', all, 'a list of load options');
    const specs = all.map((options) => resolveSpec(options));
    for (const [index, { name }] of specs.entries()) {
      if (this.#plugins.has(name) || specs.findIndex((one) => one.name === name) < index)
        throw nameTaken(name);
    }
    startOrder(this.#dependencies(specs));
    const loads = new Map<string, Promise<Plugin>>();
    const load = async (options: LoadOptions, dependsOn: readonly string[]): Promise<Plugin> => {
      // In a tick of its own: by then every one of the list is in the map.
      await Promise.resolve();
      await Promise.all(dependsOn.map((name) => loads.get(name)));
      return this.load(options);
    };
    for (const [index, options] of all.entries()) {
      const { name, dependsOn } = specs[index] ?? resolveSpec(options);
      loads.set(name, load(options, dependsOn));
    }
    const results = await Promise.allSettled(loads.values());
    const failed = results.find((result) => result.status === 'rejected');
    if (failed === undefined) return results.flatMap((result) => ('value' in result ? [result.value] : []));
    await this.#stop(results.flatMap((result) => (result.status === 'fulfilled' ? result.value.name : [])));
    throw failed.reason;
  }

  /** Who depends on whom; of those that are loaded, without what was stopped since: they live without it already. */
  #dependencies(
    added: readonly { readonly name: string; readonly dependsOn: readonly string[] }[] = [],
  ): Map<string, readonly string[]> {
    const names = new Set([...this.#plugins.keys(), ...added.map(({ name }) => name)]);
    const loaded = [...this.#plugins.values()].map(
      ({ name, dependsOn }) => [name, dependsOn.filter((one) => names.has(one))] as const,
    );
    return new Map([...loaded, ...added.map(({ name, dependsOn }) => [name, dependsOn] as const)]);
  }

  /** Stops those that are loaded of these, each before those of them that it depends on. */
  #stop(names: readonly string[]): Promise<void> {
    const chosen = new Set(names);
    const order = [...this.#dependencies()].flatMap(([name, dependsOn]) =>
      chosen.has(name) ? [[name, dependsOn.filter((one) => chosen.has(one))] as const] : [],
    );
    return stopInOrder(new Map(order), async (name) => this.#plugins.get(name)?.stop());
  }

  /** A plugin lost its process and has another one: what its options say of its dependents is done. */
  #restartDependents(plugin: ManagedPlugin): void {
    if (this.#closed !== undefined) return;
    const names = restartedWith(plugin.name, plugin.restartStrategy, this.#dependencies());
    void (async () => {
      for (const name of names) {
        await this.#plugins
          .get(name)
          ?.restart()
          .then(undefined, (error: unknown) => {
            this.#surroundings.logger.error('a dependent plugin could not be restarted', {
              plugin: name,
              because: plugin.name,
              error: String(error),
            });
          });
      }
    })();
  }

  /** The host as it is now, with all its counters: plain data. */
  snapshot(): HostSnapshot {
    return {
      time: Date.now(),
      plugins: [...this.#plugins.values()].map(snapshotOf),
      stalls: this.#stalls.figures(),
      events: this.#events.counters,
    };
  }

  /** One plugin of {@link snapshot}; undefined: it is not loaded. */
  pluginSnapshot(name: string): PluginSnapshot | undefined {
    const plugin = this.#plugins.get(name);
    return plugin && snapshotOf(plugin);
  }

  /** The loaded plugins, in the order of their loading. */
  plugins(): Plugin[] {
    return [...this.#plugins.values()];
  }

  /** The plugin of that name, if it is loaded. */
  plugin(name: string): Plugin | undefined {
    return this.#plugins.get(name);
  }

  /**
   * Holds a plugin of `pluginsDir` at a version, higher or lower than the one that runs: nothing else of it is run, until
   * {@link unpin}. Where that version isn't on disk, or has failed, what runs goes on. With `stateDir` it outlives the host.
   * Resolves when it is written down; the upgrade follows by itself.
   *
   * Throws PluginError OPTIONS_INVALID (also of a host without `pluginsDir`), STATE_DIR_UNUSABLE, HOST_CLOSED.
   */
  async pin(name: string, version: string): Promise<void> {
    check(isText(name) && name !== '', 'name', name, 'the name of a plugin');
    const good = isText(version) && /^\d/.test(version) && valid(version) !== null;
    check(good, 'version', version, 'a semantic version');
    await this.#watching().pin(name, version);
  }

  /** Ends {@link pin}; without one nothing happens. Throws what that throws. */
  async unpin(name: string): Promise<void> {
    check(isText(name) && name !== '', 'name', name, 'the name of a plugin');
    await this.#watching().pin(name, undefined);
  }

  #watching(): WatchedPlugins {
    if (this.#closed !== undefined) throw new PluginError('HOST_CLOSED', 'The host is closed.');
    if (this.#watched === undefined) refuse('pluginsDir', undefined, 'given, for versions to be held');
    return this.#watched;
  }

  /** Every change of state from now on, numbered, with its cause. */
  on(event: 'event', listener: HostEventListener): this;
  /** Every operation that is asked for from now on, by whomever, before it begins. */
  on(event: 'operation', listener: OperationListener): this;
  on(...[event, listener]: HostListener): this {
    if (event === 'event') this.#events.add(listener);
    else this.#onOperation.add(listener);
    return this;
  }

  /** Ends what {@link on} began with the same listener. */
  off(event: 'event', listener: HostEventListener): this;
  off(event: 'operation', listener: OperationListener): this;
  off(...[event, listener]: HostListener): this {
    if (event === 'event') this.#events.remove(listener);
    else this.#onOperation.delete(listener);
    return this;
  }

  #tellOperation(begun: BegunOperation): void {
    for (const listener of [...this.#onOperation]) {
      try {
        listener(begun);
      } catch (error) {
        const { logger } = this.#surroundings;
        logger.error('a listener to operations threw', { error: String(error), plugin: begun.plugin });
      }
    }
  }

  /**
   * Stops all plugins, as `plugin.stop()` does, each before those that it depends on, and leaves nothing: no process, no
   * socket, no directory. Never rejects; what could not be ended is logged. May be called again.
   */
  close(): Promise<void> {
    this.#closed ??= (async () => {
      await this.#watched?.stop();
      await this.#stop([...this.#plugins.keys()]);
      await this.#watched?.end();
      this.#stalls.stop();
      await this.#surroundings.store.close();
      await this.#launcher.close();
    })();
    return this.#closed;
  }

  /**
   * Leaves every plugin running, for another host to attach to, and closes this one. What a plugin prints is lost
   * from then on. Operations that have not swapped are given up; what still drains is waited for. Multiplexed plugins
   * are stopped: they can't outlive their one connection. So are those of `pluginsDir`: what they run from goes with the host.
   *
   * Throws PluginError HOST_CLOSED.
   */
  async handOver(): Promise<HandedOver[]> {
    if (this.#closed !== undefined) throw new PluginError('HOST_CLOSED', 'The host is closed.');
    if (this.#watched !== undefined) {
      await this.#watched.stop();
      await this.#stop(this.#watched.names);
      await this.#watched.end();
    }
    const releasing = Promise.all([...this.#plugins.values()].map((plugin) => plugin.release()));
    this.#closed = releasing.then(async () => {
      this.#stalls.stop();
      await this.#surroundings.store.close();
      return this.#launcher.handOver();
    });
    await this.#closed;
    return (await releasing).flatMap((handedOver) => handedOver ?? []);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
