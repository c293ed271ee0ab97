import { type ChannelInterface, status } from '@grpc/grpc-js';
import {
  LifecycleDefinition,
  type Resource,
  type RestoreRequest,
  type StateDescription,
} from '@plugd/protocol/gen/plugd/lifecycle/v1/lifecycle';
import { createPromiseClient, type PromiseClient } from '@plugd/protocol/rpc/client';
import { RpcError } from '@plugd/protocol/rpc/rpc-error';
import type { Snapshot, SnapshotSpool } from '../state/snapshot';

export interface LifecycleLimit {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

/** How a plugin describes itself, where it does. */
export interface Description {
  readonly name: string;
  readonly version: string;
  /** Undefined for one that keeps no state to hand over. */
  readonly state: StateDescription | undefined;
  /** What it holds beside memory, as far as it matters to an upgrade. */
  readonly resources: readonly Resource[];
  /** It can't run twice at a time. */
  readonly single: boolean;
}

const noAnswer: ReadonlySet<status> = new Set([
  status.DEADLINE_EXCEEDED,
  status.CANCELLED,
  status.UNAVAILABLE,
]);

/** What a plugin sent is no snapshot: it says why. */
export class SnapshotInvalid extends Error {
  override readonly name = 'SnapshotInvalid';
}

/** A piece of data larger than this is refused: see lifecycle.proto. */
const largestPiece = 1024 * 1024;

/** What the host asks of a plugin beside its services: see `plugd.lifecycle.v1.Lifecycle`. Throws RpcError. */
export class LifecycleCalls {
  readonly #client: PromiseClient<typeof LifecycleDefinition>;

  constructor(channel: ChannelInterface) {
    this.#client = createPromiseClient(LifecycleDefinition, channel);
  }

  /**
   * Undefined for a plugin that says nothing of itself: the service is optional. One that did not come to answering has said
   * nothing either way. Throws RpcError DEADLINE_EXCEEDED, CANCELLED, UNAVAILABLE.
   */
  async describe(limit: LifecycleLimit): Promise<Description | undefined> {
    try {
      return await this.#client.describe({}, limit);
    } catch (error) {
      if (error instanceof RpcError && noAnswer.has(error.code)) throw error;
      return undefined;
    }
  }

  /** Tells the plugin that new calls go elsewhere. One that doesn't understand misses a courtesy, no more. */
  async announceDrain(limitMs: number, limit: LifecycleLimit): Promise<void> {
    await this.#client.drain({ limitMs: uint32(limitMs) }, limit).catch(() => {});
  }

  async pause(limit: LifecycleLimit): Promise<void> {
    await this.#client.pause({ limitMs: uint32(limit.timeoutMs) }, limit);
  }

  /** Takes the state into the spool. Throws SnapshotInvalid, and RangeError if it is too large. */
  async snapshot(spool: SnapshotSpool, limit: LifecycleLimit): Promise<Snapshot> {
    let schema: number | undefined;
    for await (const { part } of this.#client.snapshot({}, limit)) {
      if (part?.$case === 'header' && schema === undefined) {
        schema = part.value.schema;
      } else if (part?.$case === 'data' && schema !== undefined) {
        if (part.value.length > largestPiece)
          throw new SnapshotInvalid(`a piece of ${part.value.length} bytes`);
        await spool.write(part.value);
      } else if (part?.$case === 'end' && schema !== undefined) {
        const snapshot = await spool.end(schema);
        const { bytes, sha256 } = part.value;
        if (bytes !== snapshot.bytes || !snapshot.sha256.equals(sha256)) {
          throw new SnapshotInvalid('its size or digest is not the one that it says');
        }
        return snapshot;
      } else {
        throw new SnapshotInvalid(`${part?.$case ?? 'nothing'} where it does not belong`);
      }
    }
    throw new SnapshotInvalid('it ended before its end');
  }

  /** Lets go of resources of these names, which it has declared; of none: of all that is exclusive. */
  async release(names: readonly string[], limit: LifecycleLimit): Promise<void> {
    await this.#client.release({ resources: [...names] }, limit);
  }

  /** Gives the plugin a state to begin with. Throws SnapshotInvalid if not all of it arrived. */
  async restore(snapshot: Snapshot, limit: LifecycleLimit): Promise<void> {
    const { sha256 } = await this.#client.restore(parts(snapshot), limit);
    if (!snapshot.sha256.equals(sha256)) throw new SnapshotInvalid('other bytes arrived than were sent');
  }

  /** Whether its state is that of the snapshot, as its author understands it; undefined if he doesn't say. */
  async check(
    snapshot: Snapshot,
    limit: LifecycleLimit,
  ): Promise<{ readonly same: boolean; readonly difference: string } | undefined> {
    try {
      return await this.#client.check(parts(snapshot), limit);
    } catch (error) {
      if (error instanceof RpcError && error.code === status.UNIMPLEMENTED) return undefined;
      throw error;
    }
  }

  async activate(limit: LifecycleLimit): Promise<void> {
    await this.#client.activate({}, limit);
  }

  async resume(limit: LifecycleLimit): Promise<void> {
    await this.#client.resume({}, limit);
  }
}

async function* parts({ schema, bytes, sha256, read }: Snapshot): AsyncGenerator<RestoreRequest> {
  yield { part: { $case: 'header', value: { schema } } };
  for await (const value of read()) yield { part: { $case: 'data', value } };
  yield { part: { $case: 'end', value: { bytes, sha256 } } };
}

function uint32(value: number): number {
  return Math.min(Math.max(0, Math.round(value)), 0xffffffff);
}
