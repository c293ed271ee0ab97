import type { Duplex } from 'node:stream';
import type { ConnInfo } from '../gen/plugin/grpc_broker';
import type { PluginError } from '../plugin-error';
import { abortReason } from './broker-error';
import type { Clock } from './clock';
import { Doors } from './doors';
import { Knocker } from './knocker';
import { MAX_CONNECTIONS } from './rules';
import { StreamProxy } from './stream-proxy';
import type { StreamRouter } from './stream-router';
import type { Acceptance, BrokerTransport, DialTarget } from './transport';

export interface MultiplexedTransportOptions {
  readonly router: StreamRouter;
  /** For the proxies' sockets; only this user may enter it. */
  readonly directory: string;
  readonly clock: Clock;
  send(info: ConnInfo): Promise<void>;
}

/** All brokered connections are streams of one session, and a knock says whose the next one is. */
export class MultiplexedTransport implements BrokerTransport {
  readonly #options: MultiplexedTransportOptions;
  readonly #doors: Doors;
  readonly #knocker: Knocker;
  #refused = 0;

  constructor(options: MultiplexedTransportOptions) {
    this.#options = options;
    const { router, clock } = options;
    this.#doors = new Doors(router, clock, (info) => void options.send(info).catch(() => {}));
    this.#knocker = new Knocker({
      clock,
      send: (info) => options.send(info),
      // Not in turn: the one who has it may wait for an answer that comes only after this stream.
      onLate: () => {
        router.openNow().then(
          (stream) => stream.destroy(),
          () => {},
        );
      },
    });
  }

  get refused(): number {
    return this.#refused;
  }

  async accept(id: number, onConnection: (connection: Duplex) => void): Promise<Acceptance> {
    const streams = new Set<Duplex>();
    this.#doors.open(id, (stream) => {
      if (streams.size >= MAX_CONNECTIONS) {
        this.#refused++;
        stream.destroy();
        return;
      }
      streams.add(stream);
      stream.once('close', () => streams.delete(stream));
      onConnection(stream);
    });
    const close = (): void => this.#doors.shut(id);
    return {
      place: undefined,
      close,
      breakOff: () => {
        close();
        for (const stream of streams) stream.destroy();
      },
    };
  }

  /** The first connection is made at once, so that a refusal comes out here and not in the first call. */
  async dial(id: number, signal: AbortSignal | undefined): Promise<DialTarget> {
    let first: Duplex | undefined = await this.connect(id, signal);
    const take = (): Promise<Duplex> => {
      const stream = first;
      first = undefined;
      return stream === undefined || stream.destroyed ? this.connect(id, undefined) : Promise.resolve(stream);
    };
    let proxy: StreamProxy;
    try {
      proxy = await StreamProxy.listen(this.#options.directory, take);
    } catch (error) {
      first.destroy();
      throw error;
    }
    return {
      network: proxy.network,
      address: proxy.address,
      close: () => {
        proxy.close();
        first?.destroy();
      },
      breakOff: () => {
        proxy.breakOff();
        first?.destroy();
      },
    };
  }

  connect(id: number, signal: AbortSignal | undefined): Promise<Duplex> {
    const { router } = this.#options;
    return new Promise((resolve, reject) => {
      const aborted = (): void => {
        if (signal !== undefined) reject(abortReason(signal, id));
      };
      signal?.addEventListener('abort', aborted, { once: true });
      const opened = router.inTurn(async () => {
        if (signal?.aborted) throw abortReason(signal, id);
        await this.#knocker.knock(id);
        // Opened even if nobody wants it any more: the other side waits for it.
        return router.openNow();
      });
      opened
        .then((stream) => {
          if (signal?.aborted) stream.destroy();
          resolve(stream);
        }, reject)
        .finally(() => signal?.removeEventListener('abort', aborted));
    });
  }

  receive(info: ConnInfo): void {
    if (info.knock?.knock && !info.knock.ack) this.#doors.knocked(info.serviceId);
    else this.#knocker.answered(info);
  }

  close(reason: PluginError): void {
    this.#doors.close();
    this.#knocker.close(reason);
  }
}
