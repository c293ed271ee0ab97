import {
  type HealthCheckResponse,
  HealthCheckResponse_ServingStatus as Status,
} from '@plugd/protocol/gen/grpc/health/v1/health';
import { HealthWatchers } from '@plugd/protocol/health-watchers';
import { check } from '../option-check';

const STATUSES = {
  SERVING: Status.SERVING,
  NOT_SERVING: Status.NOT_SERVING,
  UNKNOWN: Status.UNKNOWN,
} as const;

/** What a service may say of itself. */
export type ServingStatus = keyof typeof STATUSES;

/** The whole plugin, by its two names: gRPC's own, and the one that go-plugin hosts ask for. */
export const WHOLE_PLUGIN = ['', 'plugin'] as const;

/** The health of the plugin's services; those who watch are told of each change. */
export class HealthRegistry {
  readonly #statuses = new Map<string, ServingStatus>();
  readonly #watchers = new HealthWatchers();
  #closed = false;

  get(service: string): ServingStatus | undefined {
    return this.#statuses.get(service);
  }

  /**
   * Has no effect any more once the plugin leaves: then nothing serves.
   * @throws PluginError OPTIONS_INVALID
   */
  set(service: string, status: ServingStatus): void {
    check(Object.hasOwn(STATUSES, status), 'ctx.health.set', Object.keys(STATUSES).join(', '));
    if (!this.#closed) this.#set(service, status);
  }

  /** Sets the status unless the service has one already. */
  setDefault(service: string, status: ServingStatus): void {
    if (!this.#statuses.has(service)) this.set(service, status);
  }

  entries(): [service: string, status: ServingStatus][] {
    return [...this.#statuses];
  }

  /** The plugin leaves: nothing serves any longer, and watchers are told so before they are let go. */
  close(): void {
    this.#closed = true;
    for (const service of this.#statuses.keys()) this.#statuses.set(service, 'NOT_SERVING');
    this.#watchers.close();
  }

  /** The status now and after each change, until the signal aborts or the plugin leaves. */
  async *watch(service: string, signal: AbortSignal): AsyncGenerator<HealthCheckResponse> {
    const read = (): Status => {
      const status = this.#statuses.get(service);
      return status === undefined ? Status.SERVICE_UNKNOWN : wireStatus(status);
    };
    for await (const status of this.#watchers.follow(read, signal)) yield { status };
  }

  #set(service: string, status: ServingStatus): void {
    this.#statuses.set(service, status);
    this.#watchers.changed();
  }
}

export function wireStatus(status: ServingStatus): Status {
  return STATUSES[status];
}
