import { PluginError } from '@plugd/protocol/plugin-error';
import { reflectContract } from '../connection/reflected-contract';
import type { Contract } from '../contract/contract';
import type { HostEvent } from '../events/host-event';
import type { Logger } from '../events/logger';
import type { FrontDoor } from '../front-door/front-door';
import { ownServices } from '../front-door/service-table';
import type { Manifest } from '../manifest/manifest';
import type { Plugin } from '../plugin';
import type { ApplicationPlugins } from './application-plugins';

/** A plugin as far as its services are concerned. */
export type ServingPlugin = Pick<Plugin, 'name' | 'channel' | 'status' | 'contract' | 'handedOver'>;

export interface DoorsParts {
  readonly host: { plugin(name: string): ServingPlugin | undefined };
  /** Undefined: the daemon has none. */
  readonly door: Pick<FrontDoor, 'target' | 'offer' | 'withdraw' | 'refresh'> | undefined;
  readonly watched: { manifest(name: string): Pick<Manifest, 'services'> | undefined };
  readonly logger: Logger;
  readonly applications: Pick<ApplicationPlugins, 'running'>;
}

type Door = NonNullable<DoorsParts['door']>;

/** How long a plugin may take to say which services it has. */
const reflectionMs = 5_000;
/** What hosts and plugins have among themselves. */
const amongThemselves = /^(plugin|plugd\.\w+\.v\d+|grpc\.(health|reflection)\.\w+)\./;

/** Which services of which plugins are public: those that manifests name, and those of what applications share. */
export class Doors {
  readonly #parts: DoorsParts;
  readonly #public = new Map<string, readonly string[]>();
  /** What was said of a plugin, so that it is said once. */
  readonly #told = new Map<string, string>();
  readonly #syncing = new Map<string, Promise<void>>();
  readonly #again = new Set<string>();

  constructor(parts: DoorsParts) {
    this.#parts = parts;
  }

  /** For `host.on('event')`. */
  readonly observe = (event: HostEvent): void => {
    this.#parts.door?.refresh();
    const { type, plugin } = event;
    const matters =
      type === 'plugin' ||
      (type === 'artifact' && event.phase === 'running') ||
      (type === 'operation' && (event.phase === 'done' || event.phase === 'undone'));
    if (matters) void this.sync(plugin);
  };

  /** Of the front door, for clients; empty: there is none. */
  get target(): string {
    return this.#parts.door?.target ?? '';
  }

  /** Full names of the services of a plugin that are public: where there is a front door, it offers them. */
  public(plugin: string): readonly string[] {
    return this.#public.get(plugin) ?? [];
  }

  /** Why services of a plugin that are to be public are not, in a sentence; undefined: they are. */
  problemOf(plugin: string): string | undefined {
    return this.#told.get(plugin);
  }

  /** Resolves when the front door offers what is to be offered of a plugin now. Never rejects. */
  async sync(name: string): Promise<void> {
    const running = this.#syncing.get(name);
    if (running !== undefined) {
      this.#again.add(name);
      return running;
    }
    const work = this.#syncAll(name);
    this.#syncing.set(name, work);
    await work;
  }

  async #syncAll(name: string): Promise<void> {
    do {
      this.#again.delete(name);
      await this.#syncOnce(name).catch((error: unknown) => this.#tell(name, toldText(error)));
    } while (this.#again.has(name));
    // In the same turn: who asks from here on is not put off.
    this.#syncing.delete(name);
  }

  async #syncOnce(name: string): Promise<void> {
    const { door, host } = this.#parts;
    const plugin = host.plugin(name);
    if (plugin === undefined) return this.#withdraw(name);
    // Between two processes nothing is known; what was public stays so.
    const services = await this.#servicesOf(plugin);
    if (services === undefined || host.plugin(name) !== plugin) return;
    this.#offer(door, plugin, services);
  }

  #offer(door: Door | undefined, plugin: ServingPlugin, services: readonly string[]): void {
    const { name } = plugin;
    const taken = door?.offer(plugin, services, { ifTaken: 'share' }) ?? [];
    this.#public.set(name, services);
    if (taken.length === 0) this.#told.delete(name);
    else this.#tell(name, taken.map(({ message }) => message).join(' '));
  }

  /**
   * Of services that several plugins name each is the first one's by name, whichever has run first: for when all have been loaded that
   * were there, so that it is the same after each start.
   */
  settle(): void {
    const { door, host } = this.#parts;
    if (door === undefined || this.#told.size === 0) return;
    const all = [...this.#public].sort(([a], [b]) => (a < b ? -1 : 1));
    // In one turn: no call comes between.
    for (const [name] of all) door.withdraw(name);
    for (const [name, services] of all) {
      const plugin = host.plugin(name);
      if (plugin !== undefined) this.#offer(door, plugin, services);
    }
  }

  #withdraw(name: string): void {
    this.#parts.door?.withdraw(name);
    this.#public.delete(name);
    this.#told.delete(name);
    // A service that it had may be another one's now.
    for (const other of this.#told.keys()) void this.sync(other);
  }

  async #servicesOf(plugin: ServingPlugin): Promise<readonly string[] | undefined> {
    const application = this.#parts.applications.running(plugin.name);
    const manifest = this.#parts.watched.manifest(plugin.name);
    // Of one that an application is about to load nothing is known yet.
    if (application === undefined) return manifest && (manifest.services ?? []);
    const { services } = application;
    return services.length > 0 ? services : describedServices(plugin);
  }

  #tell(plugin: string, text: string): void {
    if (this.#told.get(plugin) === text) return;
    this.#told.set(plugin, text);
    this.#parts.logger.warn('services of a plugin are not public', { plugin, error: text });
  }
}

function toldText(error: unknown): string {
  return error instanceof PluginError ? error.message : String(error);
}

async function describedServices(plugin: ServingPlugin): Promise<readonly string[] | undefined> {
  if (plugin.handedOver() === undefined) return undefined;
  const described = await contractOf(plugin);
  return (described?.services ?? [])
    .map(({ name }) => name)
    .filter((name) => !amongThemselves.test(`${name}.`) && !ownServices.some((one) => one === name));
}

/** What is known of a plugin's services; undefined: nothing. Throws what ends the call by which it is asked. */
export async function contractOf(plugin: ServingPlugin): Promise<Contract | undefined> {
  const { contract } = plugin;
  // A question would wait for the next process.
  if (plugin.status().instances.length === 0) return contract;
  if (contract !== undefined && contract.files.length > 0) return contract;
  return (await reflectContract(plugin.channel, { timeoutMs: reflectionMs })) ?? contract;
}
