import type { EventCounters } from './events/event-log';
import type { PluginStatus } from './plugin-status';
import type { CallStatistics } from './routing/endpoint';
import type { HoldStatistics } from './routing/swap-channel';
import type { RestartStatistics } from './supervision/restart-counters';
import type { StallFigures } from './supervision/stall-meter';

/** What can be counted of a plugin, since it was loaded. */
export interface PluginStatistics {
  readonly calls: CallStatistics;
  readonly held: HoldStatistics;
  readonly restarts: RestartStatistics;
}

/** A plugin as it is now, and what it has been through. */
export interface PluginSnapshot extends PluginStatus {
  readonly statistics: PluginStatistics;
}

/** A host as it is now: plain data, for tools. */
export interface HostSnapshot {
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly plugins: readonly PluginSnapshot[];
  /** How late the host's own event loop was: what plugins are not blamed for. */
  readonly stalls: StallFigures;
  readonly events: EventCounters;
}
