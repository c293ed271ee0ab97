import type { status } from '@grpc/grpc-js';
import { guarded } from './guarded';

/**
 * Hears of each call when it has ended, as its caller sees it: also of those that were cut, cancelled, or refused before they
 * went anywhere. On the path of each call: it has to be quick. What it throws harms no call; the first time it is logged.
 *
 * @param generation the one that it ended on; 0: it went to none
 * @param elapsedMs since it began, what it waited in the host included
 * @param waitedMs how long it was held in the host
 */
export type CallMeter = (
  path: string,
  generation: number,
  code: status,
  elapsedMs: number,
  waitedMs: number,
) => void;

/** See {@link CallMeter}: of the calls of all plugins, by name. */
export type HostCallMeter = (plugin: string, ...call: Parameters<CallMeter>) => void;

/** Who hears of the calls of all plugins of a host. Where nobody does calls are not timed. */
export class CallMeters {
  readonly #meters = new Set<HostCallMeter>();
  readonly #onFailure: (error: unknown, plugin: string) => void;
  /** All of them in one; undefined: there is none. */
  all: HostCallMeter | undefined;

  /** @param onFailure hears the first failure of each meter, and the plugin of the call */
  constructor(onFailure: (error: unknown, plugin: string) => void = () => {}) {
    this.#onFailure = onFailure;
  }

  /** Tells of calls that begin from now on. Returns how to end that. */
  add(meter: HostCallMeter): () => void {
    // Its own: who is added twice hears twice, and ends one.
    const own: HostCallMeter = guarded(meter, this.#onFailure);
    this.#meters.add(own);
    this.#settle();
    return () => {
      this.#meters.delete(own);
      this.#settle();
    };
  }

  #settle(): void {
    const [first, ...others] = this.#meters;
    this.all =
      first === undefined || others.length === 0
        ? first
        : (...call) => {
            for (const meter of this.#meters) meter(...call);
          };
  }
}
