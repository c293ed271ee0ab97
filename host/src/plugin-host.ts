import type { HostEventListener } from './events/event-log';
import type { LoadOptions } from './instance/load-options';
import type { HostedPlugin } from './plugin';

/**
 * What runs plugins for an application: a {@link Host} of its own, or a daemon that it shares with others. Code that is written
 * against this does with either.
 */
export interface PluginHost extends AsyncDisposable {
  /** Starts a plugin, and resolves when a health check has proved that it answers. Throws PluginError. */
  load(options: LoadOptions): Promise<HostedPlugin>;
  /** Loads several, each after those that it depends on: all of them, or none. Throws PluginError. */
  loadAll(all: readonly LoadOptions[]): Promise<HostedPlugin[]>;
  /** The plugin of that name, if it is loaded. */
  plugin(name: string): HostedPlugin | undefined;
  /** The loaded plugins, in the order of their loading. */
  plugins(): HostedPlugin[];
  /** Every change of state from now on, numbered, with its cause. */
  on(event: 'event', listener: HostEventListener): this;
  /** Ends what {@link on} began with the same listener. */
  off(event: 'event', listener: HostEventListener): this;
  /** Holds a plugin of a watched directory at a version, until {@link unpin}. Throws PluginError. */
  pin(name: string, version: string): Promise<void>;
  /** Ends {@link pin}; without one nothing happens. Throws PluginError. */
  unpin(name: string): Promise<void>;
  /** Ends what this application has of it. May be called again. */
  close(): Promise<void>;
}
