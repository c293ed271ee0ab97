import type { InstanceState, PluginState } from './events/host-event';

/** One process of a plugin. */
export interface InstanceStatus {
  /** Unique within the host. */
  readonly id: string;
  readonly version: string;
  readonly generation: number;
  readonly pid: number;
  readonly state: InstanceState;
  /** Socket path, or `host:port`. */
  readonly address: string;
  /** Calls that it is answering now. */
  readonly inFlight: number;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
}

/** A plugin as it is at one moment. */
export interface PluginStatus {
  readonly name: string;
  readonly state: PluginState;
  /** Of the generation in the route; of the last one, where there is none. */
  readonly version: string;
  /** 1, 2, 3 … within the plugin; a number that is missing was refused. 0 before the first one serves. */
  readonly generation: number;
  /** What host and plugin agreed on; undefined where there is no instance. */
  readonly protocolVersion: number | undefined;
  /** The one that serves first, then those that still drain. */
  readonly instances: readonly InstanceStatus[];
}
