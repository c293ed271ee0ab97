import type { PluginError } from '@plugd/protocol/plugin-error';
import type { Platform } from '../platform/platform';
import type { Endpoint } from '../routing/endpoint';
import { ConnectionWatch } from './connection-watch';
import { HealthMonitor, type Illness } from './health-monitor';
import { LimitMonitor } from './limit-monitor';
import type { Replica } from './replica';
import type { StallMeter } from './stall-meter';

export interface WatchTools {
  readonly stalls: StallMeter;
  readonly platform: Platform;
}

/** Why an instance that lives has to be replaced. */
export interface Trouble {
  readonly reason: 'unhealthy' | 'connection-lost' | 'limit';
  readonly error: PluginError;
  /** Whether it still answers: then its calls may come to an end by themselves. */
  readonly answers: boolean;
  /** Of a limit: that of its age. */
  readonly aged: boolean;
}

/** Looks after one instance that serves: its connection, its health, and what it uses. */
export class ReplicaWatch {
  readonly #parts: { stop(): void }[] = [];

  constructor(replica: Replica, { stalls, platform }: WatchTools, onTrouble: (trouble: Trouble) => void) {
    const { instance, spec, endpoint } = replica;
    const { launched, identity } = instance;
    const { plugin } = identity;
    this.#parts.push(
      new ConnectionWatch({
        endpoint,
        stalls,
        onLost: () => {
          // The exit is heard by whoever watches the process.
          if (launched.exit !== undefined) return;
          const summary = `Plugin ${plugin} lost its connection, and it could not be made again.`;
          const error = launched.error('PLUGIN_UNHEALTHY', summary, { facts: { reason: 'connection lost' } });
          onTrouble({ reason: 'connection-lost', error, answers: false, aged: false });
        },
      }),
    );
    // One that was started by hand may stand at a breakpoint: nobody else's business.
    if (launched.record.foreign !== undefined) return;
    if (spec.health !== undefined) {
      const monitor = new HealthMonitor({
        spec: spec.health,
        probe: (limit) => instance.connection.health(limit),
        stalls,
        used: usedSince(endpoint, () => monitor.wake()),
      });
      endpoint.onLate = () => monitor.hurry();
      monitor.start((illness) => {
        const reason = describeIllness(illness);
        const summary = `Plugin ${plugin} is unhealthy: ${reason}.`;
        const error = launched.error('PLUGIN_UNHEALTHY', summary, { facts: { reason } });
        onTrouble({ reason: 'unhealthy', error, answers: illness.kind === 'not-serving', aged: false });
      });
      this.#parts.push(monitor);
    }
    if (spec.limits !== undefined) {
      const monitor = new LimitMonitor({
        spec: spec.limits,
        read: () => platform.usage(launched.record.pid),
        startedAt: replica.servedSince,
        onExceeded: ({ limit, used, allowed }) => {
          const summary = `Plugin ${plugin} went over its limit: ${limit} is ${used}, and ${allowed} is allowed.`;
          const error = launched.error('LIMIT_EXCEEDED', summary, { facts: { limit, used, allowed } });
          onTrouble({ reason: 'limit', error, answers: true, aged: limit === 'ageMs' });
        },
      });
      this.#parts.push(monitor);
    }
  }

  stop(): void {
    for (const part of this.#parts.splice(0)) part.stop();
  }
}

/** Whether an endpoint was called since it was last asked. Where it wasn't, its next call is told of. */
function usedSince(endpoint: Endpoint, onWake: () => void): () => boolean {
  let before = endpoint.statistics.started;
  return () => {
    const { started } = endpoint.statistics;
    const used = started !== before || endpoint.inFlight > 0;
    before = started;
    endpoint.onWake = used ? undefined : onWake;
    return used;
  };
}

function describeIllness({ kind, failures, forMs, reported, error }: Illness): string {
  const times = failures === 1 ? 'once' : `${failures} times in a row`;
  const since = `within ${(forMs / 1000).toFixed(1)} s`;
  if (kind === 'silent') return `it did not answer its health check ${times} ${since}`;
  if (kind === 'not-serving') return `it reported ${reported ?? 'that it does not serve'} ${times} ${since}`;
  return `its health check failed ${times} ${since}: ${error instanceof Error ? error.message : String(error)}`;
}
