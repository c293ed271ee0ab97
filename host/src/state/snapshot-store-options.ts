import { resolve } from 'node:path';
import { PluginError } from '@plugd/protocol/plugin-error';

export const defaultMaxSnapshotBytes: number = 256 * 1024 ** 2;

/** How much of their states a host keeps of its plugins. */
export interface SnapshotLimits {
  /** After that a snapshot is no longer given, and is removed, in milliseconds. Default 3,600,000: an hour. */
  readonly ttlMs?: number;
  /** Of more than that the oldest go. Default 5. */
  readonly maxPerPlugin?: number;
  /** Of all plugins' snapshots together, in bytes. Default 1 GiB. */
  readonly maxBytes?: number;
  /** A larger one is not kept, in bytes. Default 256 MiB, and never more than `maxBytes`. */
  readonly maxSnapshotBytes?: number;
}

export interface SnapshotStoreOptions extends SnapshotLimits {
  /** Made, 0700, if it is missing; nobody but this user may come into it. For nothing else. */
  readonly directory: string;
  /** The wall clock, in ms since 1970. Default `Date.now`. */
  readonly now?: () => number;
  /** In ms; default `performance.now`. */
  readonly monotonicNow?: () => number;
}

export type StoreLimits = Required<SnapshotStoreOptions>;

/** Throws PluginError OPTIONS_INVALID. */
export function resolveStoreOptions(options: SnapshotStoreOptions): StoreLimits {
  const limits = {
    // Whoever changes the working directory later must not move the store.
    directory: resolve(options.directory),
    ttlMs: options.ttlMs ?? 3_600_000,
    maxPerPlugin: options.maxPerPlugin ?? 5,
    maxBytes: options.maxBytes ?? 1024 ** 3,
    maxSnapshotBytes: options.maxSnapshotBytes ?? defaultMaxSnapshotBytes,
    now: options.now ?? (() => Date.now()),
    monotonicNow: options.monotonicNow ?? (() => performance.now()),
  };
  for (const option of ['ttlMs', 'maxPerPlugin', 'maxBytes', 'maxSnapshotBytes'] as const) {
    if (limits[option] > 0) continue;
    throw new PluginError('OPTIONS_INVALID', `${option} is ${limits[option]}; it has to be more than 0.`, {
      facts: { option },
    });
  }
  return limits;
}
