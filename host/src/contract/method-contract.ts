import type { StreamOptions } from './stream-options';

/**
 * What executing a method a second time does to the plugin: `option idempotency_level` in its declaration. `unknown`
 * has to be taken for the worst.
 */
export type Idempotency = 'unknown' | 'no-side-effects' | 'idempotent';

/** One method of a service, as far as a host has to know it. */
export interface MethodContract extends StreamOptions {
  /** `/package.Service/Method` */
  readonly path: string;
  readonly name: string;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
  /** The request's full name; undefined where only generated code tells of the method: it names no types. */
  readonly inputType: string | undefined;
  /** As `inputType`, of the response. */
  readonly outputType: string | undefined;
  readonly idempotency: Idempotency;
  /** Whether whoever tells of the method can tell its options, the level among them: grpc-js's definitions have no place. */
  readonly levelStated: boolean;
}

export interface ServiceContract {
  /** With its package. */
  readonly name: string;
  /** Empty where the service is known by its name alone. */
  readonly methods: readonly MethodContract[];
}

/** A level by the number that descriptors have, or by the name that generated code has. */
export function idempotencyOf(level: unknown): Idempotency {
  if (level === 1 || level === 'NO_SIDE_EFFECTS') return 'no-side-effects';
  if (level === 2 || level === 'IDEMPOTENT') return 'idempotent';
  return 'unknown';
}
