import type { YamuxSide } from './stream-ids';

/** How a {@link YamuxSession} behaves. The defaults are those of hashicorp/yamux. */
export interface YamuxOptions {
  readonly side: YamuxSide;
  /** How often the peer is asked whether it is there; 0 for never. Default: 30,000. */
  readonly keepAliveIntervalMs?: number;
  /** How long the connection may take nothing, or a ping have no answer. Default: 10,000. */
  readonly writeTimeoutMs?: number;
  /** How long the peer may leave a new stream without an answer. Default: 75,000. */
  readonly openTimeoutMs?: number;
  /** How long a stream whose side of ours is ended waits for the peer's. Default: 300,000. */
  readonly closeTimeoutMs?: number;
  /** Streams that may wait to be taken, of the peer's and of ours. Default: 256. */
  readonly acceptBacklog?: number;
  /** Streams that the peer may have open at a time; what it opens beyond is reset. Default: 4096. */
  readonly maxStreams?: number;
}

export type YamuxSettings = Required<YamuxOptions>;

export function settings(options: YamuxOptions): YamuxSettings {
  return {
    keepAliveIntervalMs: 30_000,
    writeTimeoutMs: 10_000,
    openTimeoutMs: 75_000,
    closeTimeoutMs: 300_000,
    acceptBacklog: 256,
    maxStreams: 4096,
    ...options,
  };
}
