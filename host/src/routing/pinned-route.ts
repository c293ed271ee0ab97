import type { Client } from '@grpc/grpc-js';
import type { ErrorCode } from '@plugd/protocol/error-codes';
import { createPromiseClient, type PromiseClient } from '@plugd/protocol/rpc/client';
import type { AnyServiceDefinition } from '@plugd/protocol/rpc/definition';
import type { Generation } from './generation';
import type { Channel } from './grpc-call';
import type { Refusal } from './refusal';
import { createStub, type StubConstructor, type StubOptions } from './stub';
import { SwapChannel } from './swap-channel';

/**
 * A route to one generation only, whatever the plugin's own route leads to. What is made from it works until it is
 * closed; none of it can close the real channel.
 */
export class PinnedRoute {
  readonly channel: Channel;
  readonly #route: SwapChannel;
  readonly #generation: Generation;

  constructor(name: string, target: { readonly number: number; readonly channel: Channel }) {
    this.#route = new SwapChannel({ name });
    this.#generation = this.#route.swap(target).generation;
    this.channel = this.#route.facade();
  }

  stub<Stub extends Client>(stubClass: StubConstructor<Stub>, options?: StubOptions): Stub {
    return createStub(stubClass, this.#route.facade(), options);
  }

  client<Def extends AnyServiceDefinition>(definition: Def): PromiseClient<Def> {
    return createPromiseClient(definition, this.#route.facade());
  }

  /** Calls that run are cut, later ones refused: with UNAVAILABLE and this code. */
  close(code: ErrorCode, details: string): void {
    const refusal: Refusal = { code, details };
    this.#route.close(refusal);
    this.#generation.cut(refusal);
  }
}
