import type { ErrorCode } from '@plugd/protocol/error-codes';
import type { Generation } from './generation';
import type { Refusal } from './refusal';
import { RouteCalls } from './route-calls';
import { SwapChannel, type SwapTarget } from './swap-channel';

/**
 * A route to one instance only, whatever the plugin's own route leads to. What is made from it works until it is
 * closed; none of it can close the real channel.
 */
export class PinnedRoute {
  readonly calls: RouteCalls;
  readonly #route: SwapChannel;
  readonly #generation: Generation;

  constructor(name: string, target: SwapTarget) {
    this.#route = new SwapChannel({ name });
    this.#generation = this.#route.swap(target).generation;
    this.calls = new RouteCalls(this.#route);
  }

  /** Calls that run are cut, later ones refused: with UNAVAILABLE and this code. */
  close(code: ErrorCode, details: string): void {
    const refusal: Refusal = { code, details };
    this.#route.close(refusal);
    this.#generation.cut(refusal);
  }
}
