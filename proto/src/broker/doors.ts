import type { Duplex } from 'node:stream';
import type { ConnInfo } from '../gen/plugin/grpc_broker';
import type { Clock } from './clock';
import { KNOCK_PATIENCE_MS, MAX_WAITING } from './rules';
import type { StreamRouter } from './stream-router';

type Listener = (stream: Duplex) => void;

/** What this side serves over a shared connection, and the knocks for it. */
export class Doors {
  readonly #router: StreamRouter;
  readonly #clock: Clock;
  readonly #send: (info: ConnInfo) => void;
  readonly #listeners = new Map<number, Listener>();
  /** Knocks that came before their server. */
  readonly #waiting = new Map<number, () => void>();
  /** Ids that were served: a knock for one of them need not wait for its server, and keep all others waiting. */
  readonly #over = new Set<number>();

  constructor(router: StreamRouter, clock: Clock, send: (info: ConnInfo) => void) {
    this.#router = router;
    this.#clock = clock;
    this.#send = send;
  }

  open(id: number, listener: Listener): void {
    this.#over.delete(id);
    this.#listeners.set(id, listener);
    const stopWaiting = this.#waiting.get(id);
    if (stopWaiting === undefined) return;
    stopWaiting();
    this.#waiting.delete(id);
    this.#admit(id, listener);
  }

  shut(id: number): void {
    if (this.#listeners.delete(id)) this.#over.add(id);
    const [oldest] = this.#over;
    if (this.#over.size > MAX_WAITING && oldest !== undefined) this.#over.delete(oldest);
  }

  knocked(id: number): void {
    const listener = this.#listeners.get(id);
    if (listener !== undefined) this.#admit(id, listener);
    else if (this.#over.has(id) || this.#waiting.size >= MAX_WAITING) this.#refuse(id);
    else if (!this.#waiting.has(id)) {
      this.#waiting.set(
        id,
        this.#clock.after(KNOCK_PATIENCE_MS, () => {
          this.#waiting.delete(id);
          this.#refuse(id);
        }),
      );
    }
  }

  close(): void {
    for (const stopWaiting of this.#waiting.values()) stopWaiting();
    this.#waiting.clear();
    this.#listeners.clear();
  }

  #admit(id: number, listener: Listener): void {
    // Before the answer: the stream may come at once.
    this.#router.expect(listener);
    this.#send(acknowledgement(id, ''));
  }

  #refuse(id: number): void {
    this.#send(acknowledgement(id, noListener(id)));
  }
}

export function noListener(id: number): string {
  return `no listener for id ${id}`;
}

export function acknowledgement(id: number, error: string): ConnInfo {
  return { serviceId: id, network: '', address: '', knock: { knock: true, ack: true, error } };
}
