import { status } from '@grpc/grpc-js';
import {
  HealthCheckRequest,
  HealthCheckResponse,
  HealthListResponse,
  HealthCheckResponse_ServingStatus as Serving,
} from '@plugd/protocol/gen/grpc/health/v1/health';
import { RpcError } from '@plugd/protocol/rpc/rpc-error';
import type { LocalMethod } from './local-call';
import type { ServiceTable } from './service-table';

/** `grpc.health.v1`: a public service serves while its plugin does, the front door itself (`""`) until it closes. */
export class DoorHealth {
  readonly #table: ServiceTable;
  readonly #watchers = new Set<() => void>();
  #closing = false;

  constructor(table: ServiceTable) {
    this.#table = table;
  }

  /** Tells those who watch, where anything has changed. */
  changed(): void {
    for (const notify of [...this.#watchers]) notify();
  }

  close(): void {
    this.#closing = true;
    this.changed();
  }

  readonly check: LocalMethod = async function* (this: DoorHealth, requests: AsyncIterable<Uint8Array>) {
    for await (const request of requests) {
      const now = this.#statusOf(HealthCheckRequest.decode(request).service);
      if (now === Serving.SERVICE_UNKNOWN) throw new RpcError(status.NOT_FOUND, 'unknown service');
      yield HealthCheckResponse.encode({ status: now }).finish();
      return;
    }
  }.bind(this);

  readonly list: LocalMethod = async function* (this: DoorHealth) {
    const names = ['', ...this.#table.services.map(({ name }) => name)];
    const statuses = Object.fromEntries(names.map((name) => [name, { status: this.#statusOf(name) }]));
    yield HealthListResponse.encode({ statuses }).finish();
  }.bind(this);

  readonly watch: LocalMethod = async function* (
    this: DoorHealth,
    requests: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ) {
    for await (const request of requests) {
      const { service } = HealthCheckRequest.decode(request);
      for await (const now of this.#statuses(service, signal)) {
        yield HealthCheckResponse.encode({ status: now }).finish();
      }
      return;
    }
  }.bind(this);

  async *#statuses(service: string, signal: AbortSignal): AsyncGenerator<Serving> {
    let told: Serving | undefined;
    let wake = (): void => {};
    const notify = (): void => wake();
    this.#watchers.add(notify);
    signal.addEventListener('abort', notify);
    try {
      while (!signal.aborted) {
        const now = this.#statusOf(service);
        if (now !== told) {
          told = now;
          yield now;
          continue;
        }
        if (this.#closing) return;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    } finally {
      this.#watchers.delete(notify);
      signal.removeEventListener('abort', notify);
    }
  }

  #statusOf(service: string): Serving {
    if (service === '') return this.#closing ? Serving.NOT_SERVING : Serving.SERVING;
    const found = this.#table.find(service);
    if (found === undefined) return Serving.SERVICE_UNKNOWN;
    const serves = !this.#closing && found.plugin.status().state === 'serving';
    return serves ? Serving.SERVING : Serving.NOT_SERVING;
  }
}
