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
  readonly contract?: Contract;
}

/** One public service. */
export interface PublicService {
  readonly name: string;
  readonly plugin: FrontDoorPlugin;
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

/** Which service leads to which plugin. What is not in it is private. */
export class ServiceTable {
  readonly #services = new Map<string, PublicService>();

  /** @returns undefined: it is private, or there is none */
  find(service: string): PublicService | undefined {
    return this.#services.get(service);
  }

  get services(): readonly PublicService[] {
    return [...this.#services.values()];
  }

  /**
   * Makes these services of the plugin public, and no others of it. All of them, or none.
   *
   * @throws PluginError OPTIONS_INVALID, SERVICE_TAKEN
   */
  offer(plugin: FrontDoorPlugin, services: readonly string[]): void {
    for (const name of services) this.#check(plugin, name);
    this.withdraw(plugin.name);
    for (const name of services) this.#services.set(name, { name, plugin });
  }

  /** All services of the plugin become private. */
  withdraw(plugin: string): void {
    for (const { name, plugin: owner } of this.services)
      if (owner.name === plugin) this.#services.delete(name);
  }

  #check(plugin: FrontDoorPlugin, name: string): void {
    const service = printable(name.slice(0, longestName));
    if (name.length > longestName || !serviceName.test(name)) {
      throw new PluginError(
        'OPTIONS_INVALID',
        `"${service}" is no name of a service, as in my.package.Service.`,
        {
          facts: { plugin: plugin.name, service },
        },
      );
    }
    if (hostsOwn.test(name)) {
      throw new PluginError('OPTIONS_INVALID', `${service} is for the plugin's host, and can't be public.`, {
        facts: { plugin: plugin.name, service },
      });
    }
    const own = ownServices.some((one) => one === name);
    const owner = own ? 'the front door itself' : this.#services.get(name)?.plugin.name;
    if (owner === undefined || (!own && owner === plugin.name)) return;
    throw new PluginError(
      'SERVICE_TAKEN',
      `Plugin ${plugin.name} names the service ${service}, which is ${own ? '' : 'plugin '}${owner}'s.`,
      {
        facts: { plugin: plugin.name, service, owner },
      },
    );
  }
}
