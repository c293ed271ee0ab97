import { PluginError } from '@plugd/protocol/plugin-error';
import { valid } from 'semver';
import { EventLog, type HostEventListener } from './events/event-log';
import type { Logger } from './events/logger';
import { thrownText } from './events/thrown-text';
import type { HostStore } from './host-store';
import {
  type AttachOptions,
  agreeOnCertificates,
  checkedAttachOptions,
  loadOptionsOf,
  type MissingOption,
} from './instance/attach-options';
import { InstanceFactory } from './instance/instance-factory';
import type { LoadOptions } from './instance/load-options';
import { check, isRecord, isText, refuse } from './instance/option-check';
import { resolveSpec } from './instance/plugin-spec';
import type { Launcher } from './launch/launcher';
import { parseReattachLine } from './launch/reattach-line';
import { loadInOrder } from './load-in-order';
import { LoadedPlugins } from './loaded-plugins';
import { ManagedPlugin, type PluginSurroundings } from './managed-plugin';
import type { Manifest } from './manifest/manifest';
import { type OperationListener, OperationListeners } from './operation-listeners';
import type { HandedOver, Plugin } from './plugin';
import type { PluginHost } from './plugin-host';
import type { HostSnapshot, PluginSnapshot } from './plugin-snapshot';
import { CallMeters, type HostCallMeter } from './routing/call-meter';
import { StallMeter } from './supervision/stall-meter';
import { residentBytes } from './upgrade/memory-watch';
import type { OperationHandle } from './upgrade/operation-handle';
import type { PlannedChange } from './watch/planned-change';
import type { PluginsDirOptions } from './watch/watch-options';
import type { WatchedPluginStatus } from './watch/watched-versions';
import type { WatchingHost } from './watched-lanes';
import type { WatchedPlugins } from './watched-plugins';
import { checkUpgradeTarget, type UpgradeTarget, type UpgradeToOptions } from './watched-upgrade';

function snapshotOf(plugin: ManagedPlugin): PluginSnapshot {
  return { ...plugin.status(), statistics: plugin.statistics() };
}

type HostListener =
  | [event: 'event', listener: HostEventListener]
  | [event: 'operation', listener: OperationListener];

/** Runs plugins. Made by `createHost`; ended by `close()`, or at the end of its scope by `await using`. */
export class Host implements PluginHost {
  readonly #launcher: Launcher;
  readonly #events: EventLog;
  readonly #surroundings: PluginSurroundings;
  readonly #stalls = new StallMeter();
  readonly #meters: CallMeters;
  readonly #plugins = new LoadedPlugins();
  readonly #watched: WatchedPlugins | undefined;
  readonly #operations: OperationListeners;
  #closed: Promise<void> | undefined;

  /** Use `createHost`. */
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
    this.#operations = new OperationListeners(logger);
    this.#meters = new CallMeters((error, plugin) =>
      logger.error('an observer of calls threw', { plugin, error: thrownText(error) }),
    );
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
      meters: this.#meters,
      memoryBudget:
        memoryBudgetBytes === undefined
          ? undefined
          : async () => {
              const pids = this.#plugins.all.flatMap((plugin) => plugin.pids);
              return { limitBytes: memoryBudgetBytes, usedBytes: (await residentBytes(platform, pids)) ?? 0 };
            },
      onRestarted: (plugin) => {
        if (this.#closed === undefined) void this.#plugins.restartDependents(plugin, logger);
      },
      onOperation: (begun) => this.#operations.tell(begun),
    };
    this.#watched = watch?.({
      emit,
      logger,
      load: (options, check) => this.#add(options, (plugin) => plugin.start(check)),
      loaded: () => this.#plugins.all,
      plugin: (name) => this.#plugins.get(name),
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
  ): Promise<ManagedPlugin> {
    if (this.#closed !== undefined) throw new PluginError('HOST_CLOSED', 'The host is closed.');
    const plugin = new ManagedPlugin(options, this.#surroundings, missing);
    const forget = this.#plugins.add(plugin);
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
    this.#plugins.check(all.map((options) => resolveSpec(options)));
    return loadInOrder(all, {
      known: this.#plugins.all.map(({ name }) => name),
      load: (options) => this.load(options),
      undo: (plugin) => plugin.stop(),
    });
  }

  /** The host as it is now, with all its counters: plain data. */
  snapshot(): HostSnapshot {
    return {
      time: Date.now(),
      plugins: this.#plugins.all.map(snapshotOf),
      stalls: this.#stalls.figures(),
      events: this.#events.counters,
    };
  }

  /** One plugin of {@link snapshot}; undefined: it is not loaded. */
  pluginSnapshot(name: string): PluginSnapshot | undefined {
    const plugin = this.#plugins.get(name);
    return plugin && snapshotOf(plugin);
  }

  /**
   * Tells of each call of any plugin that begins from now on, when it has ended: what metrics are made of. Returns how to end
   * that. It is on the path of each call, so it has to be quick. What it throws harms no call; the first time it is logged.
   */
  observeCalls(meter: HostCallMeter): () => void {
    return this.#meters.add(meter);
  }

  /** The loaded plugins, in the order of their loading. */
  plugins(): Plugin[] {
    return this.#plugins.all;
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

  /** The version that each plugin of `pluginsDir` is held at, by {@link pin} or by its settings; the first counts. */
  pins(): ReadonlyMap<string, string> {
    return this.#watching().pins;
  }

  /**
   * Upgrades a plugin of `pluginsDir` now, to a version in it or to the artifact of a directory anywhere, of which a copy is made.
   * What the options leave out is as the manifest says. Then it is left at that, until something of it changes on disk or it is
   * pinned; unless it is what would run anyway.
   *
   * The handle is that of `plugin.upgrade`; it also throws VERSION_NOT_FOUND, PLUGIN_PINNED (at another version), REQUIREMENT_UNMET
   * and its kin, and why the artifact can't be run. Throws PluginError PLUGIN_NOT_FOUND, PLUGIN_STOPPED, OPTIONS_INVALID, HOST_CLOSED.
   */
  upgradeTo(name: string, target: UpgradeTarget, options: UpgradeToOptions = {}): OperationHandle {
    check(isText(name) && name !== '', 'name', name, 'the name of a plugin');
    checkUpgradeTarget(target);
    return this.#watching().byHand.upgradeTo(name, target, options);
  }

  /** What lies in `pluginsDir` of each plugin, what runs of it, and why the rest doesn't. Throws PluginError OPTIONS_INVALID, HOST_CLOSED. */
  versionsOnDisk(): readonly WatchedPluginStatus[] {
    return this.#watching().versionsOnDisk();
  }

  /** The manifest by which a plugin of `pluginsDir` runs; undefined: it doesn't run, or was loaded by its options. */
  manifest(name: string): Manifest | undefined {
    return this.#watched?.manifest(name);
  }

  /**
   * What is still to be done to make what runs what is in `pluginsDir`, and what can't be.
   *
   * @param settings as if these were the settings of the plugins
   */
  plan(settings?: PluginsDirOptions['settings']): readonly PlannedChange[] {
    return this.#watching().plan(settings);
  }

  /**
   * Looks through `pluginsDir`, and asks for the settings of all plugins, now. Resolves with what there is to do, as
   * {@link plan}, when all that can be has been begun.
   *
   * Throws PluginError ARTIFACT_UNREADABLE, OPTIONS_INVALID, HOST_CLOSED.
   */
  reconcile(): Promise<readonly PlannedChange[]> {
    return this.#watching().reconcile();
  }

  /**
   * Makes a plugin of `pluginsDir` what lies on disk, whatever was done with it by hand: one that was stopped runs again, what was
   * rolled back is upgraded, what has failed is tried again. Resolves when that is done.
   *
   * Throws PluginError PLUGIN_NOT_FOUND, why nothing of it can be run, OPTIONS_INVALID, HOST_CLOSED.
   */
  async startAgain(name: string): Promise<Plugin> {
    check(isText(name) && name !== '', 'name', name, 'the name of a plugin');
    await this.#watching().byHand.startAgain(name);
    const plugin = this.#plugins.get(name);
    if (plugin !== undefined) return plugin;
    throw new PluginError('PLUGIN_STOPPED', `Plugin ${name} was stopped.`, { facts: { plugin: name } });
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
    else this.#operations.add(listener);
    return this;
  }

  /** Ends what {@link on} began with the same listener. */
  off(event: 'event', listener: HostEventListener): this;
  off(event: 'operation', listener: OperationListener): this;
  off(...[event, listener]: HostListener): this {
    if (event === 'event') this.#events.remove(listener);
    else this.#operations.remove(listener);
    return this;
  }

  /**
   * Stops all plugins, as `plugin.stop()` does, each before those that it depends on, and leaves nothing: no process, no
   * socket, no directory. Never rejects; what could not be ended is logged. May be called again.
   */
  close(): Promise<void> {
    this.#closed ??= (async () => {
      await this.#watched?.stop();
      await this.#plugins.stop();
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
    const handedOver = this.#handOver();
    // At once: from now on nothing is loaded, and nobody hands it over again.
    this.#closed = handedOver.then(() => {});
    return handedOver;
  }

  async #handOver(): Promise<HandedOver[]> {
    if (this.#watched !== undefined) {
      await this.#watched.stop();
      await this.#plugins.stop(this.#watched.names);
      await this.#watched.end();
    }
    const released = await Promise.all(this.#plugins.all.map((plugin) => plugin.release()));
    this.#stalls.stop();
    await this.#surroundings.store.close();
    await this.#launcher.handOver();
    return released.flatMap((handedOver) => handedOver ?? []);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
