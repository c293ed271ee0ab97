import type { RpcMethod } from '@plugd/protocol/rpc/definition';
import { LINEAGE_KEY } from '@plugd/protocol/rpc/lineage';
import type { Admit } from '@plugd/protocol/rpc/service';
import type { ServiceCall } from '@plugd/protocol/rpc/service-call';
import { handoffError } from './handoff-error';
import { timerMs } from './limits';

/** How long a call waits at a closed gate at least, in milliseconds; as long as hosts hold calls. */
const PATIENCE_MS = 2000;
/** How many calls wait at most. */
const WAITING_LIMIT = 1000;

/** A method whose calls may change the state. */
interface Gated {
  inFlight: number;
  readonly admit: Admit;
}

/** A call that waits at the gate. */
interface Waiting {
  proceed(): void;
  refuse(error: Error): void;
}

/**
 * Lets calls that may change the state through, or keeps them waiting while the plugin is paused. Calls that change
 * nothing, by their contract, are not asked at all.
 */
export class CallGate {
  /** Those that may change the state, by their paths. */
  readonly #methods = new Map<string, Gated>();
  /** How many calls of them are in flight. */
  #count = 0;
  readonly #waiting = new Set<Waiting>();
  #idle: (() => void)[] = [];
  /** How long calls wait; undefined while the gate is open. */
  #patienceMs: number | undefined;
  #refusing = false;

  /** For the plugin's own services, however often one is offered. */
  readonly admission = (method: RpcMethod): Admit | undefined => {
    if (changesNothing(method)) return undefined;
    const known = this.#methods.get(method.path);
    if (known !== undefined) return known.admit;
    const gated = this.#gate();
    this.#methods.set(method.path, gated);
    return gated.admit;
  };

  /** Calls that come now wait so long at least. */
  close(limitMs: number): void {
    this.#patienceMs = timerMs(Math.max(limitMs, PATIENCE_MS));
  }

  /** Lets all go on that wait, in the order of their coming. */
  open(): void {
    this.#patienceMs = undefined;
    this.#refusing = false;
    for (const one of [...this.#waiting]) one.proceed();
  }

  /** Sends away who waits, and who would: another version takes the new calls, and nobody is to open the gate. */
  refuse(): void {
    this.#refusing = true;
    for (const one of [...this.#waiting]) one.refuse(replaced());
  }

  /** What is in flight that may change the state, in words: `2 of /samples.kv.v1.Kv/Put`. Empty: nothing. */
  get busy(): string {
    return [...this.#methods]
      .filter(([, { inFlight }]) => inFlight > 0)
      .map(([path, { inFlight }]) => `${inFlight} of ${path}`)
      .join(', ');
  }

  /** Resolves when no call that may change the state is in flight. @throws the signal's reason */
  whenIdle(signal: AbortSignal): Promise<void> {
    if (this.#count === 0) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#idle.push(resolve);
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
  }

  /** Its functions are made once, so that a call at an open gate makes nothing. */
  #gate(): Gated {
    const enter = (): (() => void) => {
      gated.inFlight++;
      this.#count++;
      return leave;
    };
    const leave = (): void => {
      gated.inFlight--;
      this.#count--;
      if (this.#count === 0) for (const resolve of this.#idle.splice(0)) resolve();
    };
    const gated: Gated = {
      inFlight: 0,
      admit: (call) => {
        if (this.#patienceMs === undefined || this.#mustPass(call)) return enter();
        return this.#wait(call, this.#patienceMs, enter);
      },
    };
    return gated;
  }

  /**
   * A call that one in flight may be waiting for, by way of the host, must not wait for that one. It says that it descends
   * from another; from which is in the host's words. Hosts hold the others.
   */
  #mustPass(call: ServiceCall): boolean {
    return this.#count > 0 && call.metadata.get(LINEAGE_KEY).length > 0;
  }

  /** @param enter at the moment at which the gate opens: it may close again before anybody hears of the promise */
  #wait({ signal }: ServiceCall, patienceMs: number, enter: () => () => void): Promise<() => void> {
    if (this.#refusing) throw replaced();
    if (this.#waiting.size >= WAITING_LIMIT) {
      throw paused(`is paused, and ${WAITING_LIMIT} calls wait for it already`);
    }
    signal.throwIfAborted();
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(waiting);
        signal.removeEventListener('abort', left);
      };
      const waiting: Waiting = {
        proceed: () => {
          settle();
          resolve(enter());
        },
        refuse: (error) => {
          settle();
          reject(error);
        },
      };
      const left = (): void => waiting.refuse(signal.reason);
      const timer = setTimeout(
        () => waiting.refuse(paused(`has been paused for ${patienceMs} ms`)),
        patienceMs,
      );
      this.#waiting.add(waiting);
      signal.addEventListener('abort', left, { once: true });
    });
  }
}

// ts-proto and proto-loader write it under different names.
function changesNothing({ options = {} }: RpcMethod): boolean {
  const level: unknown =
    Reflect.get(options, 'idempotencyLevel') ?? Reflect.get(options, 'idempotency_level');
  return level === 'NO_SIDE_EFFECTS';
}

const replaced = (): Error => paused('has been paused, and another version takes its place');

function paused(what: string): Error {
  return handoffError('PLUGIN_PAUSED', `The plugin ${what}; it has not seen this call.`);
}
