import type { FamilyHead } from './exposition';

/** A family of series: what docs/metrics.md tells of it. */
export interface Family extends FamilyHead {
  readonly labels: readonly string[];
}

const family = (name: string, type: FamilyHead['type'], labels: readonly string[], help: string): Family => ({
  name,
  type,
  labels,
  help,
});

const perPlugin = ['plugin'];

/** All that is measured. A name is never changed once released. */
export const families = {
  // The plugins.
  pluginInfo: family(
    'plugd_plugin_info',
    'gauge',
    ['plugin', 'version', 'generation'],
    'What serves, always 1.',
  ),
  pluginUp: family(
    'plugd_plugin_up',
    'gauge',
    perPlugin,
    'Whether calls of the plugin are answered: 1, else 0.',
  ),
  instances: family('plugd_instances', 'gauge', ['plugin', 'state'], 'Processes of the plugin by state.'),

  // Calls.
  calls: family(
    'plugd_calls_total',
    'counter',
    ['plugin', 'generation', 'method', 'code'],
    'Calls that have ended, by the gRPC status that their caller saw.',
  ),
  callDuration: family(
    'plugd_call_duration_seconds',
    'histogram',
    ['plugin', 'generation', 'method'],
    'How long calls took, as their caller saw it, streams to their end.',
  ),
  holdDuration: family(
    'plugd_hold_duration_seconds',
    'histogram',
    perPlugin,
    'How long calls waited in the host that had to.',
  ),
  callsInFlight: family('plugd_calls_in_flight', 'gauge', perPlugin, 'Calls that instances are answering.'),
  callsHeld: family('plugd_calls_held', 'gauge', perPlugin, 'Calls that wait in the host.'),
  callsHeldTotal: family(
    'plugd_calls_held_total',
    'counter',
    perPlugin,
    'Calls that had to wait in the host.',
  ),
  callsRefused: family(
    'plugd_calls_hold_refused_total',
    'counter',
    perPlugin,
    'Calls that were refused because too many waited.',
  ),
  callsExpired: family(
    'plugd_calls_hold_expired_total',
    'counter',
    perPlugin,
    'Calls that waited for too long, and failed.',
  ),
  callsCut: family(
    'plugd_calls_cut_total',
    'counter',
    perPlugin,
    'Calls that outlived a drain and were cut.',
  ),
  callsLost: family(
    'plugd_calls_lost_total',
    'counter',
    perPlugin,
    'Calls that failed because their instance was lost.',
  ),
  callsRetried: family(
    'plugd_calls_retried_total',
    'counter',
    perPlugin,
    'Calls that were begun anew after their instance was lost.',
  ),
  streamsResumed: family(
    'plugd_streams_resumed_total',
    'counter',
    perPlugin,
    'Streams that left an instance and went on elsewhere.',
  ),

  // Upgrades and restarts.
  upgrades: family(
    'plugd_upgrades_total',
    'counter',
    ['plugin', 'operation', 'strategy', 'outcome'],
    'Upgrades, restarts and rollbacks that have ended.',
  ),
  upgradesRunning: family(
    'plugd_upgrades_in_progress',
    'gauge',
    ['operation'],
    'Upgrades, restarts and rollbacks that were begun, or wait for their turn.',
  ),
  upgradeDuration: family(
    'plugd_upgrade_duration_seconds',
    'histogram',
    ['operation', 'strategy'],
    'How long those took that succeeded.',
  ),
  stepDuration: family(
    'plugd_upgrade_step_duration_seconds',
    'histogram',
    ['step'],
    'How long each step of those took.',
  ),
  restarts: family(
    'plugd_restarts_total',
    'counter',
    ['plugin', 'reason'],
    'Instances that were lost, or had to be replaced although nobody asked for it.',
  ),
  failedStarts: family(
    'plugd_failed_starts_total',
    'counter',
    perPlugin,
    'Starts that failed, of instances that were to take the place of lost ones.',
  ),
  givenUp: family(
    'plugd_given_up_total',
    'counter',
    perPlugin,
    'How often an instance was not started again.',
  ),

  // Processes of plugins.
  processCpu: family(
    'plugd_process_cpu_seconds_total',
    'counter',
    perPlugin,
    'Processor time of the plugin’s processes, of those that have ended too.',
  ),
  processMemory: family(
    'plugd_process_resident_memory_bytes',
    'gauge',
    perPlugin,
    'Resident memory of the plugin’s processes.',
  ),
  processFds: family(
    'plugd_process_open_fds',
    'gauge',
    perPlugin,
    'Open files, sockets and pipes of the plugin’s processes.',
  ),

  // The daemon.
  info: family('plugd_info', 'gauge', ['version'], 'The daemon’s release, always 1.'),
  events: family('plugd_events_total', 'counter', ['type'], 'Events by type.'),
  stalls: family(
    'plugd_event_loop_stalls_total',
    'counter',
    [],
    'How often the daemon’s event loop was late by more than 50 ms.',
  ),
  late: family('plugd_event_loop_late_seconds_total', 'counter', [], 'By how much it was late altogether.'),
  logRecords: family('plugd_log_records_total', 'counter', [], 'Records that were written to the log.'),
  logBytes: family('plugd_log_bytes_total', 'counter', [], 'Their bytes.'),
  logDropped: family(
    'plugd_log_records_dropped_total',
    'counter',
    [],
    'Records that were lost because the log could not be written.',
  ),
  logWritable: family('plugd_log_writable', 'gauge', [], 'Whether the log can be written: 1, else 0.'),
  ownCpu: family('process_cpu_seconds_total', 'counter', [], 'Processor time of the daemon itself.'),
  ownMemory: family('process_resident_memory_bytes', 'gauge', [], 'Resident memory of the daemon itself.'),
  ownFds: family('process_open_fds', 'gauge', [], 'Open files, sockets and pipes of the daemon itself.'),
  ownStart: family(
    'process_start_time_seconds',
    'gauge',
    [],
    'When the daemon was started, in seconds since the epoch.',
  ),
} as const satisfies Readonly<Record<string, Family>>;
