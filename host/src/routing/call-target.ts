import type { Metadata } from '@grpc/grpc-js';
import type { Endpoint } from './endpoint';

/** Where new calls go. */
export interface CallTarget {
  /**
   * The endpoint for the next call; undefined: it has to wait.
   *
   * @param metadata the call's; undefined for work that is not one call
   */
  pick(metadata?: Metadata): Endpoint | undefined;
}
