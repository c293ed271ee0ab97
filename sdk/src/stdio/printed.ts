import type { StdioChannel, StdioHub } from './stdio-hub';

type WriteCallback = (error?: Error | null) => void;

/**
 * Makes `stream.write` print into the hub, with the manners of the original: it takes strings and bytes,
 * throws on anything else, calls back later, and answers false where the writer should wait for `drain`.
 * `captured` is asked at each write.
 */
export function divertStream(
  stream: NodeJS.WriteStream,
  channel: StdioChannel,
  hub: StdioHub,
  captured: () => boolean,
): void {
  const original = stream.write.bind(stream) as (
    chunk: unknown,
    encoding?: unknown,
    callback?: unknown,
  ) => boolean;
  const write = (chunk: unknown, encoding?: unknown, callback?: unknown): boolean => {
    if (!captured()) return original(chunk, encoding, callback);
    const done = typeof encoding === 'function' ? encoding : callback;
    return hub.write(
      channel,
      toBytes(chunk, encoding),
      typeof done === 'function' ? () => (done as WriteCallback)(null) : undefined,
    );
  };
  Object.defineProperty(stream, 'write', { value: write, configurable: true, writable: true });
  hub.onDrain(channel, () => stream.emit('drain'));
  // The other end may be gone at any time: that is for the host to know, not for the plugin to die of.
  stream.on('error', () => {});
}

/** @throws TypeError for what no stream takes, as the original does */
export function toBytes(chunk: unknown, encoding?: unknown): Uint8Array {
  if (typeof chunk === 'string') {
    return Buffer.from(
      chunk,
      typeof encoding === 'string' && Buffer.isEncoding(encoding) ? encoding : 'utf8',
    );
  }
  if (ArrayBuffer.isView(chunk)) return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  throw Object.assign(
    new TypeError('The "chunk" argument must be of type string or an instance of Buffer.'),
    {
      code: 'ERR_INVALID_ARG_TYPE',
    },
  );
}
