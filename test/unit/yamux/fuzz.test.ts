import { Duplex } from 'node:stream';
import { PluginError } from '@plugd/protocol/plugin-error';
import { encodeHeader, type FrameHeader } from '@plugd/protocol/yamux/frame';
import { FrameParser } from '@plugd/protocol/yamux/frame-parser';
import { YamuxSession } from '@plugd/protocol/yamux/session';
import * as fc from 'fast-check';
import { testProperty } from '../../support/property-test';

const RUNS = 300;

const frame = fc
  .record({
    type: fc.oneof(
      { weight: 9, arbitrary: fc.integer({ min: 0, max: 3 }) },
      fc.integer({ min: 0, max: 255 }),
    ),
    flags: fc.oneof(
      { weight: 9, arbitrary: fc.integer({ min: 0, max: 15 }) },
      fc.integer({ min: 0, max: 65_535 }),
    ),
    streamId: fc.oneof(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: 0xffffffff })),
    length: fc.oneof(
      fc.integer({ min: 0, max: 40 }),
      fc.constantFrom(262_143, 262_144, 262_145, 0xffffffff),
      fc.integer({ min: 0, max: 0xffffffff }),
    ),
    body: fc.uint8Array({ maxLength: 40 }),
  })
  .map(({ type, flags, streamId, length, body }) =>
    Buffer.concat([
      encodeHeader(type, flags, streamId, length),
      ...(type === 0 ? [body.subarray(0, length)] : []),
    ]),
  );

const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array)),
  fc.array(frame, { maxLength: 30 }).map((frames) => Buffer.concat(frames)),
);

/** The same bytes, cut at any places. */
const chunked = fc.tuple(bytes, fc.array(fc.nat(), { maxLength: 12 })).map(([all, cuts]) => {
  const at = [0, ...cuts.map((cut) => cut % (all.length + 1)).sort((a, b) => a - b), all.length];
  return { all, chunks: at.slice(1).map((end, index) => all.subarray(at[index], end)) };
});

function parse(chunks: Buffer[]) {
  const seen: (FrameHeader | string)[] = [];
  let body = 0;
  const parser = new FrameParser({
    onHeader: (header) => seen.push(header),
    onBody: (piece) => {
      body += piece.length;
    },
    onBodyEnd: (header) => {
      seen.push(`end of ${header.streamId}: ${body}`);
      body = 0;
    },
  });
  let error: unknown;
  try {
    for (const chunk of chunks) parser.push(chunk);
  } catch (thrown) {
    error = thrown;
  }
  return { seen, error, within: parser.withinFrame };
}

testProperty(
  'the parser sees the same frames however the bytes are cut',
  fc.property(chunked, ({ all, chunks }) => {
    const whole = parse([all]);
    const cut = parse(chunks);
    expect(cut.seen).toEqual(whole.seen);
    expect(cut.within).toBe(whole.within);
    expect(cut.error === undefined).toBe(whole.error === undefined);
    if (cut.error !== undefined) expect(cut.error).toBeInstanceOf(PluginError);
  }),
  RUNS,
);

/** A connection that takes everything and keeps the count. */
class Sink extends Duplex {
  written = 0;
  override _read(): void {}
  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: () => void): void {
    this.written += chunk.length;
    callback();
  }
}

testProperty(
  'a session survives or ends with a code, whatever comes in, and says little',
  fc.asyncProperty(
    chunked,
    fc.constantFrom('client' as const, 'server' as const),
    fc.boolean(),
    async ({ all, chunks }, side, listens) => {
      const connection = new Sink();
      const session = new YamuxSession(connection, { side, keepAliveIntervalMs: 0 });
      if (listens) session.onStream((stream) => stream.resume());
      const own = session.open();
      own.write('hello');
      for (const chunk of chunks) connection.push(chunk);
      connection.push(null);
      const reason = await session.closed;
      expect(['MULTIPLEX_PROTOCOL', 'MULTIPLEX_CLOSED']).toContain(reason.code);
      expect(reason.cause).toBeUndefined();
      expect(own.destroyed).toBe(true);
      expect(session.streamCount).toBe(0);
      expect(connection.written).toBeLessThanOrEqual(2 * all.length + 100);
    },
  ),
  RUNS,
);
