import type { Client } from '@grpc/grpc-js';
import { createPromiseClient, type PromiseClient } from '@plugd/protocol/rpc/client';
import type { AnyServiceDefinition } from '@plugd/protocol/rpc/definition';
import type { Channel } from './grpc-call';
import { createStub, type StubConstructor, type StubOptions } from './stub';
import type { SwapChannel } from './swap-channel';

/** The ways to call through a route: each stub and client has a facade of its own, which closing it closes. */
export class RouteCalls {
  readonly #route: SwapChannel;
  #channel: Channel | undefined;

  constructor(route: SwapChannel) {
    this.#route = route;
  }

  stub<Stub extends Client>(stubClass: StubConstructor<Stub>, options?: StubOptions): Stub {
    return createStub(stubClass, this.#route.facade(), options);
  }

  client<Def extends AnyServiceDefinition>(definition: Def): PromiseClient<Def> {
    return createPromiseClient(definition, this.#route.facade());
  }

  /** One for all who ask, made at the first use. */
  get channel(): Channel {
    this.#channel ??= this.#route.facade();
    return this.#channel;
  }
}
