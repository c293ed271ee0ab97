import { Contract } from '../../../host/src/contract/contract';
import type { HostEventListener } from '../../../host/src/events/event-log';
import type { MeasuredHost } from '../../../host/src/metrics/daemon-metrics';
import type { OperationListener } from '../../../host/src/operation-listeners';
import type { PluginSnapshot } from '../../../host/src/plugin-snapshot';
import type { HostCallMeter } from '../../../host/src/routing/call-meter';
import { noCalls } from '../../../host/src/routing/endpoint';

export const servicePath = '/samples.kv.v1.Kv';

/** A contract with methods of these names. */
export function contractWith(names: readonly string[], service = 'samples.kv.v1.Kv'): Contract {
  const methods = names.map((name) => ({
    name,
    path: `/${service}/${name}`,
    requestStream: false,
    responseStream: false,
    idempotency: 'unknown' as const,
    levelStated: false,
    inputType: undefined,
    outputType: undefined,
  }));
  return new Contract({ services: [{ name: service, methods }] });
}

/** A host that says what it is told to. */
export class FakeHost implements MeasuredHost {
  readonly plugins = new Map<string, PluginSnapshot>();
  contract: Contract | undefined = contractWith(['Get', 'Put', 'Watch']);
  readonly meters = new Set<HostCallMeter>();
  readonly events = new Set<HostEventListener>();
  readonly operations = new Set<OperationListener>();

  add(name: string, about: Partial<PluginSnapshot> = {}): void {
    this.plugins.set(name, {
      name,
      state: 'serving',
      version: '1.0.0',
      generation: 1,
      protocolVersion: 1,
      instances: [
        {
          id: `${name}-1-1`,
          pid: process.pid,
          state: 'serving',
          address: '/nowhere',
          version: '1.0.0',
          generation: 1,
          inFlight: 2,
          startedAt: 0,
        },
      ],
      statistics: {
        calls: { ...noCalls, cut: 3, retried: 1 },
        held: { held: 1, heldEver: 4, heldMost: 2, refused: 0, expired: 0 },
        restarts: {
          lost: { crash: 2, unhealthy: 0, 'connection-lost': 1, limit: 0 },
          restarts: 3,
          failedStarts: 0,
          givenUp: 0,
          recoverMs: undefined,
        },
      },
      ...about,
    });
  }

  call(plugin: string, method: string, code = 0, elapsedMs = 3, waitedMs = 0, generation = 1): void {
    for (const meter of this.meters)
      meter(plugin, `${servicePath}/${method}`, generation, code, elapsedMs, waitedMs);
  }

  snapshot() {
    return {
      time: 0,
      plugins: [...this.plugins.values()],
      stalls: { stalls: 1, lateMs: 1500, longestMs: 1500, sleeps: 0, multiplier: 1 },
      events: { emitted: 0, listenersFailed: 0 },
    };
  }

  observeCalls(meter: HostCallMeter): () => void {
    this.meters.add(meter);
    return () => void this.meters.delete(meter);
  }

  plugin(name: string) {
    return this.plugins.has(name) ? { contract: this.contract } : undefined;
  }

  on(event: 'event' | 'operation', listener: HostEventListener | OperationListener): void {
    this.#of(event).add(listener);
  }

  off(event: 'event' | 'operation', listener: HostEventListener | OperationListener): void {
    this.#of(event).delete(listener);
  }

  #of(event: 'event' | 'operation'): Set<unknown> {
    return event === 'event' ? this.events : this.operations;
  }
}
