import { PluginError } from '@plugd/protocol/plugin-error';
import { waitAtMost } from '../launch/wait-at-most';
import type { Lease } from './lease';

/** How to make a pool. */
export interface LeasePoolOptions<T> {
  /** Makes one more, such as a connection. What it throws goes to whoever wanted to lease it. */
  readonly create: () => Promise<T> | T;
  /** Closes one. */
  readonly destroy: (resource: T) => Promise<void> | void;
  /** How many there are at most, those that are being made or closed among them. */
  readonly max: number;
  /** How long a lease is waited for unless its caller says otherwise, in milliseconds. Default 5,000. */
  readonly waitTimeoutMs?: number;
  /** How long one may take to be closed before its place is given away, in milliseconds. Default 5,000. */
  readonly destroyTimeoutMs?: number;
  /** Told of what `destroy` throws, or that it took too long. Default: a warning of the process. */
  readonly onError?: (error: unknown) => void;
}

/** How to wait for a lease. */
export interface LeaseOptions {
  /** In milliseconds, the making of a new one included. Default: the pool's. */
  readonly timeoutMs?: number;
  /** Gives the waiting up. */
  readonly signal?: AbortSignal;
}

interface Waiter<T> {
  readonly generation: number;
  readonly take: (resource: T) => void;
  readonly refuse: (error: unknown) => void;
}

/**
 * A pool that the host keeps while generations of a plugin come and go, of connections say: each leases some, all use
 * those that were given back, and a leaving generation closes those that it has, no others.
 *
 * A pool belongs to one plugin, since generations are counted for each.
 */
export class LeasePool<T> implements AsyncDisposable {
  readonly #options: Required<LeasePoolOptions<T>>;
  readonly #idle: T[] = [];
  readonly #leases = new Map<Lease<T>, (how: 'give back' | 'discard') => Promise<void>>();
  /** In the order in which they came. */
  readonly #waiting = new Set<Waiter<T>>();
  readonly #left = new Set<number>();
  readonly #making = new Set<Promise<void>>();
  #closing = 0;
  #closed: Promise<void> | undefined;

  constructor(options: LeasePoolOptions<T>) {
    const { max } = options;
    if (!Number.isSafeInteger(max) || max < 1) {
      throw new PluginError('OPTIONS_INVALID', `Option max is ${max}; it has to be a whole number above 0.`, {
        facts: { option: 'max' },
      });
    }
    this.#options = {
      ...options,
      waitTimeoutMs: options.waitTimeoutMs ?? 5_000,
      destroyTimeoutMs: options.destroyTimeoutMs ?? 5_000,
      onError: options.onError ?? warn,
    };
  }

  /**
   * One for a generation: one that was given back, else a new one, else the next that comes free. Those who wait are served
   * in the order in which they came.
   *
   * Throws PluginError LEASE_TIMEOUT when the time is over, LEASE_REFUSED if the generation has left or the pool was
   * closed, the signal's reason, and what `create` throws.
   */
  async lease(generation: number, options: LeaseOptions = {}): Promise<Lease<T>> {
    const { signal } = options;
    signal?.throwIfAborted();
    this.#refuseUnlessOpen(generation);
    const resource = this.#idle.pop();
    if (resource !== undefined) return this.#lend(generation, resource);
    return this.#wait(generation, options.timeoutMs ?? this.#options.waitTimeoutMs, signal);
  }

  /**
   * The generation leaves: what it has is closed, and it gets no more. Resolves when that is done, at the latest after
   * `destroyTimeoutMs`. Never rejects; may be called again.
   */
  async leave(generation: number): Promise<void> {
    this.#left.add(generation);
    for (const waiter of this.#waiting) {
      if (waiter.generation === generation) waiter.refuse(refusal(generation));
    }
    await this.#end((lease) => lease.generation === generation);
  }

  /** Closes all there is. Resolves when that is done, at the latest after `destroyTimeoutMs`. Never rejects. */
  close(): Promise<void> {
    this.#closed ??= (async () => {
      for (const waiter of this.#waiting) waiter.refuse(refusal());
      await Promise.all([
        ...this.#idle.splice(0).map((one) => this.#destroy(one)),
        this.#end(() => true),
        // What comes now is closed at once.
        waitAtMost(Promise.all(this.#making), this.#options.destroyTimeoutMs),
      ]);
    })();
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** What the pool holds now. */
  get figures(): {
    readonly leased: number;
    readonly idle: number;
    readonly making: number;
    readonly closing: number;
    readonly waiting: number;
  } {
    return {
      leased: this.#leases.size,
      idle: this.#idle.length,
      making: this.#making.size,
      closing: this.#closing,
      waiting: this.#waiting.size,
    };
  }

  #wait(generation: number, timeoutMs: number, signal: AbortSignal | undefined): Promise<Lease<T>> {
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        this.#waiting.delete(waiter);
        clearTimeout(timer);
        signal?.removeEventListener('abort', abort);
      };
      const waiter: Waiter<T> = {
        generation,
        take: (resource) => {
          settle();
          resolve(this.#lend(generation, resource));
        },
        refuse: (error) => {
          settle();
          reject(error);
        },
      };
      const abort = (): void => waiter.refuse(signal?.reason);
      const timer = setTimeout(() => waiter.refuse(this.#timeout(generation, timeoutMs)), timeoutMs);
      signal?.addEventListener('abort', abort, { once: true });
      this.#waiting.add(waiter);
      this.#makeForWaiters();
    });
  }

  /** As many more as are waited for, as far as there is room. */
  #makeForWaiters(): void {
    const { max } = this.#options;
    while (this.#making.size < this.#waiting.size && this.#count < max) this.#make();
  }

  get #count(): number {
    return this.#idle.length + this.#leases.size + this.#making.size + this.#closing;
  }

  #make(): void {
    // Counted before it begins: it may fail at once.
    const making = Promise.resolve().then(async () => {
      let resource: T;
      try {
        resource = await this.#options.create();
      } catch (error) {
        this.#making.delete(making);
        const [first] = this.#waiting;
        first?.refuse(error);
        this.#makeForWaiters();
        return;
      }
      this.#making.delete(making);
      await this.#offer(resource);
    });
    this.#making.add(making);
  }

  /** To whoever waits longest, or for whoever comes next. */
  async #offer(resource: T): Promise<void> {
    if (this.#closed !== undefined) return this.#destroy(resource);
    const [first] = this.#waiting;
    if (first === undefined) this.#idle.push(resource);
    else first.take(resource);
  }

  #lend(generation: number, resource: T): Lease<T> {
    const ended = new AbortController();
    const end = async (how: 'give back' | 'discard'): Promise<void> => {
      if (!this.#leases.delete(lease)) return;
      ended.abort();
      await (how === 'give back' ? this.#offer(resource) : this.#destroy(resource));
    };
    const lease: Lease<T> = {
      resource,
      generation,
      signal: ended.signal,
      giveBack: () => void end('give back'),
      discard: () => void end('discard'),
    };
    this.#leases.set(lease, end);
    return lease;
  }

  async #end(which: (lease: Lease<T>) => boolean): Promise<void> {
    const ends = [...this.#leases].flatMap(([lease, end]) => (which(lease) ? [end('discard')] : []));
    await Promise.all(ends);
  }

  /** Its place is free when it is closed, or when that has taken too long. */
  async #destroy(resource: T): Promise<void> {
    const { destroy, destroyTimeoutMs, onError } = this.#options;
    this.#closing++;
    try {
      const work = Promise.resolve(destroy(resource)).then(() => true as const);
      if ((await waitAtMost(work, destroyTimeoutMs)) === undefined) {
        onError(new Error(`it was not closed within ${destroyTimeoutMs} ms`));
      }
    } catch (error) {
      onError(error);
    } finally {
      this.#closing--;
      this.#makeForWaiters();
    }
  }

  #refuseUnlessOpen(generation: number): void {
    if (this.#closed !== undefined) throw refusal();
    if (this.#left.has(generation)) throw refusal(generation);
  }

  #timeout(generation: number, limitMs: number): PluginError {
    const { max } = this.#options;
    const { leased } = this.figures;
    return new PluginError('LEASE_TIMEOUT', `None of the pool's ${max} came free within ${limitMs} ms.`, {
      facts: { generation, limitMs, max, leased },
    });
  }
}

function warn(error: unknown): void {
  process.emitWarning(`A resource of a pool could not be closed: ${String(error)}`);
}

function refusal(generation?: number): PluginError {
  const why = generation === undefined ? 'The pool was closed.' : `Generation ${generation} has left.`;
  return new PluginError('LEASE_REFUSED', why, generation === undefined ? {} : { facts: { generation } });
}
