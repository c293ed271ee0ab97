import { status } from '@grpc/grpc-js';
import {
  HealthCheckRequest,
  HealthCheckResponse,
  HealthListResponse,
  HealthCheckResponse_ServingStatus as Serving,
} from '@plugd/protocol/gen/grpc/health/v1/health';
import { HealthWatchers } from '@plugd/protocol/health-watchers';
import { RpcError } from '@plugd/protocol/rpc/rpc-error';
import { type LocalCall, type LocalMethod, onlyRequest } from './local-call';
import type { ServiceTable } from './service-table';

/** How a plugin calls itself as a whole. */
const ownName = 'plugin';

/**
 * `grpc.health.v1`: a public service serves while its plugin does, the front door itself (`""`) until it closes. A call that names a
 * plugin asks of it alone: as a whole it is `""` or `plugin`.
 */
export class DoorHealth {
  readonly #table: ServiceTable;
  readonly #watchers = new HealthWatchers();
  #closing = false;

  constructor(table: ServiceTable) {
    this.#table = table;
  }

  /** Tells those who watch, where anything has changed. */
  changed(): void {
    this.#watchers.changed();
  }

  close(): void {
    this.#closing = true;
    this.#watchers.close();
  }

  readonly check: LocalMethod = async function* (
    this: DoorHealth,
    requests: AsyncIterable<Uint8Array>,
    { plugin }: LocalCall,
  ) {
    const { service } = HealthCheckRequest.decode(await onlyRequest(requests));
    const now = this.#statusOf(service, plugin);
    if (now === Serving.SERVICE_UNKNOWN) throw new RpcError(status.NOT_FOUND, 'unknown service');
    yield HealthCheckResponse.encode({ status: now }).finish();
  }.bind(this);

  readonly list: LocalMethod = async function* (
    this: DoorHealth,
    requests: AsyncIterable<Uint8Array>,
    { plugin }: LocalCall,
  ) {
    await onlyRequest(requests);
    const own = plugin === undefined ? [''] : ['', ownName];
    const names = [...own, ...this.#table.servicesFor(plugin).map(({ name }) => name)];
    const statuses = Object.fromEntries(
      names.map((name) => [name, { status: this.#statusOf(name, plugin) }]),
    );
    yield HealthListResponse.encode({ statuses }).finish();
  }.bind(this);

  readonly watch: LocalMethod = async function* (
    this: DoorHealth,
    requests: AsyncIterable<Uint8Array>,
    { signal, plugin }: LocalCall,
  ) {
    const { service } = HealthCheckRequest.decode(await onlyRequest(requests));
    for await (const now of this.#watchers.follow(() => this.#statusOf(service, plugin), signal)) {
      yield HealthCheckResponse.encode({ status: now }).finish();
    }
  }.bind(this);

  #statusOf(service: string, plugin: string | undefined): Serving {
    if (plugin === undefined && service === '') return this.#closing ? Serving.NOT_SERVING : Serving.SERVING;
    const isWhole = plugin !== undefined && (service === '' || service === ownName);
    const found = isWhole ? this.#table.plugin(plugin) : this.#table.find(service, plugin)?.plugin;
    if (found === undefined) return Serving.SERVICE_UNKNOWN;
    const serves = !this.#closing && found.status().state === 'serving';
    return serves ? Serving.SERVING : Serving.NOT_SERVING;
  }
}
