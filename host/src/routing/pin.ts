import { PluginError } from '@plugd/protocol/plugin-error';
import { CODE_TRAILER } from '@plugd/protocol/rpc/rpc-error';
import type { Endpoint, RunningCall } from './endpoint';
import type { StatusObject } from './grpc-call';

/**
 * Work that belongs to one instance and counts as one call there: a drain waits for it, and cuts it at its limit.
 *
 * Resolves or rejects as `work` does; when it is cut, rejects at once, and what `work` still does is nobody's.
 * Throws PluginError if it is cut: DRAIN_TIMEOUT, or PLUGIN_UNHEALTHY where the instance is given up.
 */
export async function pin<T>(endpoint: Endpoint, work: (signal: AbortSignal) => Promise<T> | T): Promise<T> {
  const pinned = new Pin(endpoint);
  try {
    const result = (async () => work(pinned.signal))();
    // The loser of the race may still reject; nobody waits for it then.
    result.catch(() => {});
    return await Promise.race([result, pinned.cutShort]);
  } finally {
    pinned.end();
  }
}

class Pin implements RunningCall {
  readonly path = undefined;
  readonly #endpoint: Endpoint;
  readonly #abort = new AbortController();
  readonly cutShort: Promise<never>;
  #reject: (error: PluginError) => void = () => {};
  #ended = false;

  constructor(endpoint: Endpoint) {
    this.#endpoint = endpoint;
    this.cutShort = new Promise((_, reject) => {
      this.#reject = reject;
    });
    this.cutShort.catch(() => {});
    endpoint.enter(this, 0);
  }

  /** Fires when the work is cut, and when it has ended. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  cut(outcome: StatusObject): void {
    if (this.#ended) return;
    // One that hangs is given up by the same way by which a drain ends, but nobody gave the work too little time.
    const givenUp = outcome.metadata.get(CODE_TRAILER).includes('INSTANCE_LOST');
    const error = new PluginError(givenUp ? 'PLUGIN_UNHEALTHY' : 'DRAIN_TIMEOUT', `${outcome.details}.`);
    this.#leave(true, error);
    this.#reject(error);
  }

  end(): void {
    this.#leave(false, new PluginError('ROUTE_CLOSED', 'The pinned scope has ended.'));
  }

  #leave(cut: boolean, reason: PluginError): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#endpoint.leave(this, cut ? 'cut' : 'ended');
    this.#abort.abort(reason);
  }
}
