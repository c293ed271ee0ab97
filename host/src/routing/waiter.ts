import type { Metadata } from '@grpc/grpc-js';
import type { Endpoint } from './endpoint';
import type { Refusal } from './refusal';

/** Who waits for the route to lead somewhere. */
export interface Waiter {
  /** Whether it waits on when the route is down. */
  readonly waitsForReady: boolean;
  /** What the route may go by; undefined for work that is not one call. */
  readonly metadata: Metadata | undefined;
  /** Whether it goes only when it is its turn: see `Turns`. */
  readonly takesTurns: boolean;
  /** The route leads to this endpoint. */
  release(endpoint: Endpoint): void;
  /** The wait has ended, and there is nowhere to go. */
  refuse(refusal: Refusal): void;
}
