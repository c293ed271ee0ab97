import { setTimeout as sleep } from 'node:timers/promises';
import type { GetDaemonResponse } from '@plugd/protocol/gen/plugd/admin/v1/admin';
import { PluginError } from '@plugd/protocol/plugin-error';
import type { AdminClient } from '../admin/admin-client';
import { errorCause } from '../events/error-cause';
import type { Cause, HostEvent, PluginState } from '../events/host-event';
import type { Logger } from '../events/logger';
import type { LoadOptions } from '../instance/load-options';
import type { PluginStatus } from '../plugin-status';
import type { Channel } from '../routing/grpc-call';
import type { Refusal } from '../routing/refusal';
import type { OperationName } from '../upgrade/report';
import type { UpgradeOptions } from '../upgrade/upgrade-options';
import { DaemonLink, type LinkListener } from './daemon-link';
import { statusOf } from './documents';
import { Door } from './door';
import { EventRelay } from './event-relay';
import { Looks } from './looks';
import { OwnPlugins } from './own-plugins';
import { PluginMirror } from './plugin-mirror';
import { isNotThere, RemotePlugin, type RemoteSurroundings } from './remote-plugin';
import { sentOptions, withPaths } from './sent-options';

/** How long what has happened may take to be told, in milliseconds. */
const toldMs = 5_000;
const answerMs = 10_000;
const looksAtOnce = 20;
/** How often one that starts is looked at, in milliseconds. */
const startingMs = 25;
/** How long other applications may take to begin to load theirs into the next daemon, in milliseconds. */
const othersMs = 5_000;
/** A picture that is older than this is no longer good for figures, in milliseconds. */
const freshMs = 100;

/** For tests, which can't wait for long; in milliseconds. */
export interface PatienceLimits {
  readonly silentMs?: number;
  readonly othersMs?: number;
}

/** The plugins of a daemon as one application sees them, kept up to date by its events, over the daemon's own restarts too. */
export class DaemonPlugins implements RemoteSurroundings, LinkListener {
  readonly admin: AdminClient;
  readonly link: DaemonLink;
  readonly events: EventRelay;
  readonly #logger: Logger;
  readonly #door: Door;
  readonly #plugins = new Map<string, RemotePlugin>();
  readonly #seenAt = new Map<string, number>();
  readonly #own = new OwnPlugins();
  readonly #looks = new Looks((name) => this.#lookAt(name));
  readonly #othersMs: number;
  /** After which loss the next daemon has all that it will have. */
  #settled: number | undefined;
  #closed: Promise<void> | undefined;

  constructor(admin: AdminClient, logger: Logger, limits: PatienceLimits = {}) {
    this.admin = admin;
    this.events = new EventRelay(logger);
    this.link = new DaemonLink(admin, logger, this);
    this.#logger = logger;
    this.#door = new Door(admin.daemon.frontDoor, limits);
    this.#othersMs = limits.othersMs ?? othersMs;
  }

  /** Throws PluginError where the daemon can't be asked. */
  async begin(): Promise<void> {
    await this.#lookAtAll();
    this.link.begin();
  }

  get all(): RemotePlugin[] {
    return [...this.#plugins.values()];
  }

  plugin(name: string): RemotePlugin | undefined {
    return this.#plugins.get(name);
  }

  /** Throws what the daemon throws. */
  async load(given: LoadOptions): Promise<{ readonly plugin: RemotePlugin; readonly shared: boolean }> {
    const { name } = given;
    // Also for later: by then this process may be in another directory.
    const options = withPaths({ ...given, cwd: given.cwd ?? '.' });
    const { row, shared } = await this.admin.loadPlugin({ options: sentOptions(options) });
    this.#own.loaded(options, row?.source === 'directory');
    for (;;) {
      await this.look(name);
      const plugin = this.#plugins.get(name);
      if (plugin === undefined)
        throw new PluginError('PLUGIN_STOPPED', `Plugin ${name} was stopped as soon as it was loaded.`);
      // Of the daemon's directory one may be shared that has only begun.
      if (plugin.mirror.state !== 'starting') return { plugin, shared };
      await sleep(startingMs);
    }
  }

  /** Whether this application has loaded a plugin of that name, and not stopped it. */
  isOwn(name: string): boolean {
    return this.#own.has(name);
  }

  close(): Promise<void> {
    this.#closed ??= (async () => {
      const following = this.link.close();
      this.admin.close();
      this.#door.close();
      await following;
    })();
    return this.#closed;
  }

  // For the plugins.

  get door(): Channel {
    return this.#door.channel;
  }

  get running(): Door['running'] {
    return this.#door.running;
  }

  get closed(): Refusal | undefined {
    return this.#closed && { code: 'HOST_CLOSED', details: 'The connection to the daemon was closed' };
  }

  look(name: string): Promise<void> {
    return this.#looks.take(name);
  }

  glance(name: string): void {
    if (this.#closed === undefined && performance.now() - (this.#seenAt.get(name) ?? 0) > freshMs)
      void this.look(name);
  }

  swapped(name: string, operation: OperationName, changes: UpgradeOptions): void {
    this.#own.swapped(name, operation, withPaths(changes));
  }

  stopped(name: string): void {
    this.#own.forget(name);
  }

  // For the link.

  onEvent(event: HostEvent, dropped: number): void {
    this.events.lost(dropped);
    this.#plugins.get(event.plugin)?.mirror.apply(event);
    void this.look(event.plugin);
    this.events.pass(event);
  }

  onLost(inOrder: boolean): void {
    // One that ends in order lets calls come to their end, or cuts them itself.
    if (!inOrder) this.#door.lost();
    const cause: Cause = {
      reason: 'connection-lost',
      code: 'DAEMON_UNREACHABLE',
      message: 'the daemon that runs it was lost',
    };
    for (const plugin of this.#plugins.values()) {
      plugin.lost = true;
      this.#become(plugin, () => plugin.mirror.lose('failed'), cause);
    }
  }

  async onBack({ frontDoor }: GetDaemonResponse, restarted: boolean): Promise<void> {
    this.#door.found();
    this.#door.moved(frontDoor);
    if (restarted) {
      // Nobody knows how many.
      this.events.lost(1);
      for (const { mirror } of this.#plugins.values()) mirror.forget();
      void this.#settle();
    }
    await this.#lookAtAll().catch((error: unknown) => {
      this.#logger.warn("the daemon's plugins can't be listed", { error: String(error) });
    });
    // The same one tells by itself of what it has stopped meanwhile.
    if (!restarted) this.#settled = this.link.losses;
  }

  /** Until the next daemon has all that anybody wants of it, one that it lacks may come yet; then it is gone. */
  async #settle(): Promise<void> {
    const { losses } = this.link;
    await this.#loadAgain();
    if (!(await this.link.loaded(losses))) return;
    await sleep(this.#othersMs, undefined, { ref: false });
    if (losses !== this.link.losses) return;
    this.#settled = losses;
    await Promise.all(this.all.flatMap(({ lost, name }) => (lost ? [this.look(name)] : [])));
  }

  /** What this application had loaded into a daemon that is gone. Who shares it may do the same: the first one's counts. */
  async #loadAgain(): Promise<void> {
    for (const options of this.#own.wanted) {
      const { name } = options;
      try {
        await this.admin.loadPlugin({ options: sentOptions(options) });
        await this.look(name);
      } catch (error) {
        // The next daemon gets another try.
        if (error instanceof PluginError && error.code === 'DAEMON_UNREACHABLE') return;
        if (this.#closed !== undefined) return;
        this.#logger.error('a plugin could not be loaded again', { plugin: name, error: String(error) });
        this.#own.forget(name);
        const plugin = this.#plugins.get(name);
        if (plugin?.lost) this.#become(plugin, () => this.drop(plugin), causeOf(error));
      }
    }
  }

  async #lookAtAll(): Promise<void> {
    const { plugins } = await this.admin.listPlugins({}, { timeoutMs: answerMs });
    const names = new Set([...plugins.map(({ name }) => name), ...this.#plugins.keys()]);
    const waiting = [...names];
    const oneByOne = async (): Promise<void> => {
      for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) await this.look(name);
    };
    await Promise.all(Array.from({ length: looksAtOnce }, oneByOne));
  }

  async #lookAt(name: string): Promise<void> {
    if (this.#closed !== undefined) return;
    const { losses } = this.link;
    try {
      const answer = await this.admin.describePlugin({ plugin: name, brief: true }, { timeoutMs: answerMs });
      const { snapshot, eventSequence } = answer;
      await this.link.told(eventSequence, toldMs);
      if (losses !== this.link.losses) return;
      if (snapshot === undefined || snapshot['state'] === 'stopped') await this.#missed(name, losses);
      else this.#see(name, statusOf(snapshot), eventSequence);
    } catch (error) {
      if (isNotThere(error)) return this.#missed(name, losses).catch(() => {});
      this.#logger.debug('a plugin of the daemon could not be seen', {
        plugin: name,
        error: String(error),
      });
    }
  }

  /** It doesn't run. One whose daemon was lost, or is about to end, may come again with the next one. */
  async #missed(name: string, losses: number): Promise<void> {
    const plugin = this.#plugins.get(name);
    if (plugin === undefined || (plugin.lost && this.#settled !== losses)) return;
    const { ending } = await this.admin.getDaemon({}, { timeoutMs: answerMs });
    if (ending || losses !== this.link.losses) return;
    if (!plugin.lost) this.drop(plugin);
    else
      this.#become(plugin, () => this.drop(plugin), { reason: 'lost', message: 'the next daemon lacks it' });
  }

  #see(name: string, status: PluginStatus, sequence: number): void {
    this.#seenAt.set(name, performance.now());
    const plugin = this.#plugins.get(name);
    if (plugin === undefined) {
      this.#plugins.set(name, new RemotePlugin(new PluginMirror(status, sequence), this));
    } else if (plugin.lost) {
      plugin.lost = false;
      const cause = { reason: 'attached', message: 'the daemon that runs it is back' };
      this.#become(plugin, () => plugin.mirror.replace(status, sequence), cause);
    } else {
      plugin.mirror.replace(status, sequence);
    }
  }

  drop(plugin: RemotePlugin): void {
    plugin.leave();
    if (this.#plugins.get(plugin.name) !== plugin) return;
    this.#plugins.delete(plugin.name);
    this.#seenAt.delete(plugin.name);
    this.#own.forget(plugin.name);
  }

  /** A change that no daemon tells of. */
  #become(plugin: RemotePlugin, change: () => void, cause: Cause): void {
    const from: PluginState = plugin.mirror.state;
    change();
    const { state: to, version, generation } = plugin.mirror.status;
    if (from !== to)
      this.events.emit({ type: 'plugin', plugin: plugin.name, version, generation, from, to, cause });
  }
}

function causeOf(error: unknown): Cause {
  return error instanceof PluginError ? errorCause(error) : { reason: 'error', message: String(error) };
}
