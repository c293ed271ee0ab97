import type { ChannelInterface } from '@grpc/grpc-js';
import { LifecycleDefinition } from '@plugd/protocol/gen/plugd/lifecycle/v1/lifecycle';
import { createPromiseClient, type PromiseClient } from '@plugd/protocol/rpc/client';

export interface LifecycleLimit {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

/** How a plugin describes itself, where it does. */
export interface Description {
  readonly name: string;
  readonly version: string;
}

/** What the host asks of a plugin beside its services: see `plugd.lifecycle.v1.Lifecycle`. */
export class LifecycleCalls {
  readonly #client: PromiseClient<typeof LifecycleDefinition>;

  constructor(channel: ChannelInterface) {
    this.#client = createPromiseClient(LifecycleDefinition, channel);
  }

  /** Undefined for a plugin that says nothing of itself: the service is optional. */
  async describe(limit: LifecycleLimit): Promise<Description | undefined> {
    try {
      return await this.#client.describe({}, limit);
    } catch {
      return undefined;
    }
  }

  /** Tells the plugin that new calls go elsewhere. One that doesn't understand misses a courtesy, no more. */
  async announceDrain(limitMs: number, limit: LifecycleLimit): Promise<void> {
    await this.#client.drain({ limitMs: uint32(limitMs) }, limit).catch(() => {});
  }
}

function uint32(value: number): number {
  return Math.min(Math.max(0, Math.round(value)), 0xffffffff);
}
