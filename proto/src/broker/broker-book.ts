import type { ConnInfo } from '../gen/plugin/grpc_broker';
import type { PluginError } from '../plugin-error';
import { abortReason, brokerError } from './broker-error';
import { type Clock, systemClock } from './clock';
import { MAX_WAITING, WAIT_MS } from './rules';

interface Slot {
  readonly info: ConnInfo;
  readonly forget: () => void;
}

interface Waiter {
  resolve(info: ConnInfo): void;
  reject(reason: PluginError): void;
}

export interface BrokerBookOptions {
  readonly clock?: Clock;
  /** The id that was given out last. Default: 0, so the first is 1. */
  readonly lastId?: number;
}

/**
 * What a side knows of the other side's servers. An announcement can be taken once, and within five seconds of its
 * arrival; whoever comes before it waits as long. A second announcement of an id that was not taken yet is dropped.
 */
export class BrokerBook {
  readonly #clock: Clock;
  readonly #slots = new Map<number, Slot>();
  readonly #waiters = new Map<number, Waiter[]>();
  #lastId: number;
  #closed: PluginError | undefined;
  #dropped = 0;

  constructor(options: BrokerBookOptions = {}) {
    this.#clock = options.clock ?? systemClock;
    this.#lastId = options.lastId ?? 0;
  }

  /** An id for a server of this side. The other side counts for itself. After 2^32 - 1 comes 1 again. */
  nextId(): number {
    this.#lastId = this.#lastId >= 0xffff_ffff ? 1 : this.#lastId + 1;
    return this.#lastId;
  }

  /** How many announcements nobody has taken yet. */
  get untaken(): number {
    return this.#slots.size;
  }

  /** Announcements for which there was no room. */
  get dropped(): number {
    return this.#dropped;
  }

  /** The other side announces a server. */
  arrived(info: ConnInfo): void {
    const id = info.serviceId;
    if (this.#closed !== undefined || this.#slots.has(id)) return;
    const waiter = this.#waiters.get(id)?.[0];
    if (waiter !== undefined) {
      waiter.resolve(info);
      return;
    }
    if (this.#slots.size >= MAX_WAITING) {
      this.#dropped++;
      return;
    }
    this.#slots.set(id, { info, forget: this.#clock.after(WAIT_MS, () => this.#slots.delete(id)) });
  }

  /** Takes the announcement of an id. @throws PluginError BROKER_TIMEOUT, ABORTED, or why the book was closed */
  take(id: number, signal?: AbortSignal): Promise<ConnInfo> {
    if (this.#closed !== undefined) return Promise.reject(this.#closed);
    if (signal?.aborted) return Promise.reject(abortReason(signal, id));
    const slot = this.#slots.get(id);
    if (slot !== undefined) {
      this.#slots.delete(id);
      slot.forget();
      return Promise.resolve(slot.info);
    }
    return this.#wait(id, signal);
  }

  close(reason: PluginError): void {
    if (this.#closed !== undefined) return;
    this.#closed = reason;
    for (const { forget } of this.#slots.values()) forget();
    this.#slots.clear();
    for (const waiter of [...this.#waiters.values()].flat()) waiter.reject(reason);
  }

  #wait(id: number, signal: AbortSignal | undefined): Promise<ConnInfo> {
    return new Promise((resolve, reject) => {
      const aborted = (): void => {
        if (signal !== undefined) waiter.reject(abortReason(signal, id));
      };
      const leave = (): void => {
        cancel();
        signal?.removeEventListener('abort', aborted);
        this.#forgetWaiter(id, waiter);
      };
      const waiter: Waiter = {
        resolve: (info) => {
          leave();
          resolve(info);
        },
        reject: (reason) => {
          leave();
          reject(reason);
        },
      };
      const cancel = this.#clock.after(WAIT_MS, () =>
        waiter.reject(
          brokerError(
            'BROKER_TIMEOUT',
            `The other side announced no server for id ${id} within ${WAIT_MS} ms.`,
            {
              serviceId: id,
              waitedMs: WAIT_MS,
            },
          ),
        ),
      );
      signal?.addEventListener('abort', aborted, { once: true });
      this.#waiters.set(id, [...(this.#waiters.get(id) ?? []), waiter]);
    });
  }

  #forgetWaiter(id: number, waiter: Waiter): void {
    const left = (this.#waiters.get(id) ?? []).filter((one) => one !== waiter);
    if (left.length > 0) this.#waiters.set(id, left);
    else this.#waiters.delete(id);
  }
}
