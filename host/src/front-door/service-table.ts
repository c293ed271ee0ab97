import { PluginError } from '@plugd/protocol/plugin-error';
import { printable } from '@plugd/protocol/printable';
import type { Contract } from '../contract/contract';
import type { PluginState } from '../events/host-event';
import type { Channel } from '../routing/grpc-call';

/** A plugin as the front door needs it: each `Plugin` is one. */
export interface FrontDoorPlugin {
  readonly name: string;
  /** Where its calls go. */
  readonly channel: Channel;
  status(): { readonly state: PluginState; readonly generation: number };
  /** What is known of its services, where its owner knows it; else the plugin is asked by reflection. */
  readonly contract?: Contract | undefined;
}

/** One public service. */
export interface PublicService {
  readonly name: string;
  readonly plugin: FrontDoorPlugin;
}

interface Offer {
  readonly plugin: FrontDoorPlugin;
  readonly services: readonly PublicService[];
}

const serviceName = /^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$/;
const longestName = 512;
/** Answered by the front door itself. */
export const ownServices = [
  'grpc.health.v1.Health',
  'grpc.reflection.v1.ServerReflection',
  'grpc.reflection.v1alpha.ServerReflection',
] as const;
/** A plugin and its host are among themselves there: one of them ends the plugin. */
const hostsOwn = /^(plugin|plugd\.\w+\.v\d+)\./;

/** What becomes of an offer in which a service is another plugin's already. */
export interface OfferOptions {
  /**
   * `refuse` (default): nothing is offered. `share`: the service stays the other's, and those reach this plugin's who name the
   * plugin in their calls.
   */
  readonly ifTaken?: 'refuse' | 'share';
}

/** Which service leads to which plugin. What is not in it is private. */
export class ServiceTable {
  /** For calls that name the service alone. */
  readonly #services = new Map<string, PublicService>();
  /** By their plugins' names, for calls that name both. */
  readonly #offers = new Map<string, Offer>();

  /**
   * @param plugin the name of the one that is to answer; undefined: whose the service is
   * @returns undefined: it is private, or there is none
   */
  find(service: string, plugin?: string): PublicService | undefined {
    if (plugin === undefined) return this.#services.get(service);
    return this.#offers.get(plugin)?.services.find(({ name }) => name === service);
  }

  /** The plugin of that name, if it has offered anything, be it nothing at all. */
  plugin(name: string): FrontDoorPlugin | undefined {
    return this.#offers.get(name)?.plugin;
  }

  /** What calls find that name this plugin, or none. */
  servicesFor(plugin: string | undefined): readonly PublicService[] {
    return plugin === undefined ? this.services : (this.#offers.get(plugin)?.services ?? []);
  }

  /** Those that are found by their names alone. */
  get services(): readonly PublicService[] {
    return [...this.#services.values()];
  }

  /**
   * Makes these services of the plugin public, and no others of it: all of them, or none.
   *
   * @returns a SERVICE_TAKEN for each that is shared, and stays another plugin's
   * @throws PluginError OPTIONS_INVALID, SERVICE_TAKEN
   */
  offer(
    plugin: FrontDoorPlugin,
    services: readonly string[],
    { ifTaken = 'refuse' }: OfferOptions = {},
  ): PluginError[] {
    const taken = services.flatMap((name) => {
      refuseUnfit(plugin, name);
      const owner = this.#services.get(name)?.plugin.name ?? plugin.name;
      return owner === plugin.name ? [] : [takenBy(plugin, name, owner)];
    });
    const [first] = taken;
    if (ifTaken === 'refuse' && first !== undefined) throw first;
    this.withdraw(plugin.name);
    const offered = services.map((name) => ({ name, plugin }));
    this.#offers.set(plugin.name, { plugin, services: offered });
    for (const one of offered) if (!this.#services.has(one.name)) this.#services.set(one.name, one);
    return taken;
  }

  /** All services of the plugin become private. */
  withdraw(plugin: string): void {
    this.#offers.delete(plugin);
    for (const { name, plugin: owner } of this.services)
      if (owner.name === plugin) this.#services.delete(name);
  }
}

function refuseUnfit(plugin: FrontDoorPlugin, name: string): void {
  const service = printable(name.slice(0, longestName));
  const facts = { plugin: plugin.name, service };
  if (name.length > longestName || !serviceName.test(name)) {
    const what = `"${service}" is no name of a service, as in my.package.Service.`;
    throw new PluginError('OPTIONS_INVALID', what, { facts });
  }
  if (hostsOwn.test(name)) {
    const what = `${service} is for the plugin's host, and can't be public.`;
    throw new PluginError('OPTIONS_INVALID', what, { facts });
  }
  if (ownServices.some((one) => one === name)) throw takenBy(plugin, name, undefined);
}

function takenBy(plugin: FrontDoorPlugin, service: string, owner: string | undefined): PluginError {
  const whose = owner === undefined ? "the front door's own" : `plugin ${owner}'s`;
  return new PluginError(
    'SERVICE_TAKEN',
    `Plugin ${plugin.name} names the service ${service}, which is ${whose}.`,
    { facts: { plugin: plugin.name, service, owner: owner ?? 'the front door itself' } },
  );
}
