import { credentials } from '@grpc/grpc-js';
import type { Plugin } from '@plugd/host';
import { FeedClient, FeedDefinition } from '@plugd/protocol/gen/samples/feed/v1/feed';
import { poll } from './poll';

/** The ways to open a stream without an end. */
export const ways = ['client', 'stub', 'channel', 'deliver'] as const;
export type Way = (typeof ways)[number];

interface Numbered {
  readonly sequence: number;
  readonly pid: number;
}

/** Numbers without an end, as one caller hears them. */
export class FollowedStream {
  readonly pids = new Set<number>();
  /** What did not come in its order. */
  readonly wrong: string[] = [];
  count = 0;
  ended = false;
  error: unknown;
  readonly #end = new AbortController();
  readonly #reading: Promise<void>;

  constructor(
    plugin: Plugin,
    readonly way: Way,
    intervalMs = 5,
  ) {
    this.#reading = this.#read(opened(plugin, way, intervalMs, this.#end.signal));
  }

  async #read(stream: AsyncIterable<Numbered>): Promise<void> {
    try {
      for await (const { sequence, pid } of stream) {
        this.count++;
        this.pids.add(pid);
        if (sequence !== this.count) this.wrong.push(`${this.way}: ${sequence} came as number ${this.count}`);
      }
    } catch (error) {
      this.error = error;
    }
    this.ended = true;
  }

  /** Resolves when it has come from this process. */
  async comesFrom(pid: number): Promise<void> {
    await poll(
      () => this.pids.has(pid) || this.ended,
      (there) => there,
    );
  }

  /** Resolves when it has ended by itself. */
  async over(): Promise<void> {
    await this.#reading;
  }

  /** Ends it from this side. */
  async stop(): Promise<void> {
    this.#end.abort();
    await this.#reading;
  }
}

function opened(plugin: Plugin, way: Way, intervalMs: number, signal: AbortSignal): AsyncIterable<Numbered> {
  if (way === 'client') return plugin.client(FeedDefinition).follow({ after: 0, intervalMs }, { signal });
  if (way === 'deliver')
    return plugin.client(FeedDefinition).deliver({ sequence: 0, intervalMs }, { signal });
  const stub =
    way === 'stub'
      ? plugin.stub(FeedClient)
      : new FeedClient('nowhere', credentials.createInsecure(), { channelOverride: plugin.channel });
  const stream = stub.follow({ after: 0, intervalMs });
  signal.addEventListener('abort', () => stream.cancel(), { once: true });
  return stream;
}
