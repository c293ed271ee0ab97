import type { LogLevel } from '@plugd/protocol/log-record';
import type { Cause, HostEvent, RestartEvent } from '../events/host-event';

/** An event as the log tells it. */
export interface EventRecord {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

const restarts: Readonly<Record<RestartEvent['phase'], readonly [LogLevel, string]>> = {
  // Urgent: the last words of what crashed are in it.
  scheduled: ['warn', 'an instance was lost, and is to be replaced'],
  failed: ['warn', 'what was to take its place could not be started'],
  done: ['info', 'another instance has taken its place'],
  'given-up': ['error', 'an instance was lost, and is not started again'],
};

/**
 * Of events those that somebody wants to find in the log afterwards: what became of plugins, and of instances that were lost. Undefined:
 * it is not one of these.
 */
export function eventRecord(event: HostEvent): EventRecord | undefined {
  if (event.type === 'restart') {
    const { plugin, instance, attempt, delayMs, elapsedMs, cause, phase } = event;
    const [level, message] = restarts[phase];
    const figures = { attempt, ...(phase === 'scheduled' ? { delayMs } : { elapsedMs }) };
    return { level, message, fields: { plugin, instance, ...figures, ...about(cause) } };
  }
  if (event.type !== 'plugin') return undefined;
  const { plugin, version, generation, to, cause } = event;
  const level = to === 'failed' ? 'error' : 'info';
  return { level, message: `the plugin is ${to}`, fields: { plugin, version, generation, ...about(cause) } };
}

/** Under names that a record has not got itself. */
function about({ reason, code, message }: Cause): Readonly<Record<string, unknown>> {
  return {
    reason,
    ...(code === undefined ? {} : { code }),
    ...(message === undefined ? {} : { cause: message }),
  };
}
