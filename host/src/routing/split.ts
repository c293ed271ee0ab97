import type { Metadata } from '@grpc/grpc-js';
import type { CallTarget } from './call-target';
import type { Endpoint } from './endpoint';
import type { Generation } from './generation';

export interface SplitRule {
  /** The part of new calls that goes to the newcomer, from 0 to 1. */
  readonly share: number;
  /** The key of metadata by whose value calls stay on one side. */
  readonly stickyKey?: string | undefined;
  /** From 0 to 1, for calls without a value; default: random. */
  readonly draw?: () => number;
}

/**
 * Two generations in the route. Who goes where is drawn by lot, call by call: a pattern of the callers' must not fall together with a
 * pattern of the route's, or the two sides could not be compared.
 */
export class Split implements CallTarget {
  readonly #stays: Generation;
  readonly #comes: Generation;
  readonly #rule: SplitRule;
  readonly #draw: () => number;

  constructor(stays: Generation, comes: Generation, rule: SplitRule) {
    this.#stays = stays;
    this.#comes = comes;
    this.#rule = rule;
    this.#draw = rule.draw ?? Math.random;
  }

  pick(metadata?: Metadata): Endpoint | undefined {
    // The newcomer is on trial: what it can't take the other one does, but not the other way round.
    const newcomer = this.#place(metadata) < this.#rule.share ? this.#comes.pick() : undefined;
    return newcomer ?? this.#stays.pick();
  }

  /** Where between 0 and 1 the call stands: below the share it goes to the newcomer. */
  #place(metadata: Metadata | undefined): number {
    const { stickyKey } = this.#rule;
    const [value] = stickyKey === undefined ? [] : (metadata?.get(stickyKey) ?? []);
    // Others are the first ones in the next upgrade: the generation's number is mixed in.
    return value === undefined ? this.#draw() : placeOf(value, this.#comes.number);
  }
}

/** The same for the same value, and spread evenly over values: FNV-1a, its bits mixed once more as MurmurHash does at its end. */
function placeOf(value: string | Buffer, salt: number): number {
  let hash = 0x811c9dc5 ^ salt;
  for (const byte of Buffer.from(value)) hash = Math.imul(hash ^ byte, 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}
