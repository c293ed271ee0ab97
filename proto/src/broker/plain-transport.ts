import type { Duplex } from 'node:stream';
import { connectSocket } from '../connect-socket';
import type { ConnInfo } from '../gen/plugin/grpc_broker';
import type { PluginError } from '../plugin-error';
import type { BrokerBook } from './broker-book';
import { brokerError } from './broker-error';
import { acknowledgement, noListener } from './doors';
import { checkPeerAddress, type PeerAddress } from './peer-address';
import { MAX_CONNECTIONS, WAIT_MS } from './rules';
import { listenOnSocket, type SocketListenerOptions } from './socket-listener';
import type { Acceptance, BrokerTransport, DialTarget } from './transport';

export interface PlainTransportOptions extends Pick<SocketListenerOptions, 'directory' | 'prepare'> {
  readonly book: BrokerBook;
  /** Where the other side's unix sockets must be. Undefined: anywhere. */
  readonly peerDirectory: string | undefined;
  send(info: ConnInfo): Promise<void>;
}

/** Each brokered server has a socket of its own, and a message tells the other side where it is. */
export class PlainTransport implements BrokerTransport {
  readonly #options: PlainTransportOptions;
  #refused = 0;

  constructor(options: PlainTransportOptions) {
    this.#options = options;
  }

  get refused(): number {
    return this.#refused;
  }

  async accept(id: number, onConnection: (connection: Duplex) => void): Promise<Acceptance> {
    const { directory, prepare } = this.#options;
    const listener = await listenOnSocket(
      { directory, prepare, maxConnections: MAX_CONNECTIONS, onRefused: () => this.#refused++ },
      onConnection,
    );
    const { network, address } = listener;
    try {
      await this.#options.send({ serviceId: id, network, address, knock: undefined });
    } catch (error) {
      listener.breakOff();
      throw error;
    }
    return { place: { network, address }, close: listener.close, breakOff: listener.breakOff };
  }

  async dial(id: number, signal: AbortSignal | undefined): Promise<DialTarget> {
    return { ...(await this.#find(id, signal)), close: () => {}, breakOff: () => {} };
  }

  async connect(id: number, signal: AbortSignal | undefined): Promise<Duplex> {
    const place = await this.#find(id, signal);
    return connectSocket(place, WAIT_MS).catch((cause) => {
      const summary = `Nothing answers at the address announced for id ${id}.`;
      throw brokerError('CONNECT_FAILED', summary, { serviceId: id }, cause);
    });
  }

  receive(info: ConnInfo): void {
    const { knock, serviceId } = info;
    if (knock === undefined) this.#options.book.arrived(info);
    // Nothing can be had by knocking here; said at once, it spares the other side the wait.
    else if (!knock.ack)
      this.#options.send(acknowledgement(serviceId, noListener(serviceId))).catch(() => {});
  }

  close(reason: PluginError): void {
    this.#options.book.close(reason);
  }

  async #find(id: number, signal: AbortSignal | undefined): Promise<PeerAddress> {
    return checkPeerAddress(await this.#options.book.take(id, signal), this.#options.peerDirectory);
  }
}
