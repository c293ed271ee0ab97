import type { Connection } from '../connection/connection';
import type { Channel } from '../routing/grpc-call';
import { callRaw, type RawAnswer, type RawCall } from '../strategies/raw-call';
import type { Supervisor } from '../supervision/supervisor';

/** Calls of a strategy's own, each to the instance with the fewest calls in flight, until it is closed. */
export class RawCalls {
  /** For answers of a limited size: what a connection takes is settled when it is opened. */
  readonly #beside = new Map<Connection, { readonly maxBytes: number; readonly channel: Channel }>();

  /** Never rejects. */
  call(supervisor: Supervisor, call: RawCall): Promise<RawAnswer> {
    const endpoint = supervisor.generation.pick();
    const replica = supervisor.replicas.find((one) => one.endpoint === endpoint);
    return callRaw(replica && this.#channel(replica.instance.connection, call.maxBytes), call);
  }

  close(): void {
    for (const { channel } of this.#beside.values()) channel.close();
    this.#beside.clear();
  }

  #channel(connection: Connection, maxBytes: number | undefined): Channel {
    if (maxBytes === undefined) return connection.channel;
    const open = this.#beside.get(connection);
    if (open?.maxBytes === maxBytes) return open.channel;
    const channel = connection.openBeside(maxBytes);
    if (channel === undefined) return connection.channel;
    open?.channel.close();
    this.#beside.set(connection, { maxBytes, channel });
    return channel;
  }
}
