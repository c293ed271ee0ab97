import type { Duplex } from 'node:stream';
import type { ConnInfo } from '../gen/plugin/grpc_broker';
import type { PluginError } from '../plugin-error';
import type { PeerAddress } from './peer-address';

/** A server of this side's that the other side may connect to. */
export interface Acceptance {
  /** Where it listens; undefined where it shares the one connection. */
  readonly place: PeerAddress | undefined;
  /** No more connections; those that are there go on. */
  close(): void;
  /** {@link close}, and the connections are cut. */
  breakOff(): void;
}

/** An address for grpc-js that leads to a server of the other side's. */
export interface DialTarget extends PeerAddress {
  /** The address is not needed any more; connections that are there go on. */
  close(): void;
  breakOff(): void;
}

/** How connections are brokered: each over a socket of its own, or all over one. */
export interface BrokerTransport {
  accept(id: number, onConnection: (connection: Duplex) => void): Promise<Acceptance>;
  dial(id: number, signal: AbortSignal | undefined): Promise<DialTarget>;
  /** One connection, without TLS. */
  connect(id: number, signal: AbortSignal | undefined): Promise<Duplex>;
  /** A message of the other side's. Never throws. */
  receive(info: ConnInfo): void;
  close(reason: PluginError): void;
  /** Connections that were cut off because there were too many to one server. */
  readonly refused: number;
}
