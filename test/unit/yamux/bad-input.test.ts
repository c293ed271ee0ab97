import { encodeHeader, Flag, FrameType, GoAwayCode, HEADER_BYTES } from '@plugd/protocol/yamux/frame';
import { until } from '../rpc/local-kv';
import { cleanUp, echo, nextStream, rawClient } from './pair';

afterEach(cleanUp);

const { DATA, WINDOW_UPDATE, PING, GO_AWAY } = FrameType;
const { SYN, ACK, FIN, RST } = Flag;
const open = (id: number): Buffer => encodeHeader(WINDOW_UPDATE, SYN, id, 0);
const protocolGoAway = encodeHeader(GO_AWAY, 0, 0, GoAwayCode.PROTOCOL_ERROR);

const breaches: [what: string, bytes: Buffer[]][] = [
  ['an unknown version', [Buffer.from('010000010000000100000000', 'hex')]],
  ['an unknown type', [encodeHeader(4, 0, 1, 0)]],
  ['unknown flags', [open(1), encodeHeader(DATA, 16, 1, 0)]],
  ['a data frame larger than the window', [open(1), encodeHeader(DATA, 0, 1, 256 * 1024 + 1)]],
  [
    'data frames larger than the window together',
    [open(1), encodeHeader(DATA, 0, 1, 256 * 1024), Buffer.alloc(256 * 1024), encodeHeader(DATA, 0, 1, 1)],
  ],
  ['the longest frame there is', [open(1), encodeHeader(DATA, 0, 1, 0xffffffff)]],
  ['a window beyond what a number holds', [open(1), encodeHeader(WINDOW_UPDATE, 0, 1, 0xffffffff)]],
  ['data on a stream that was never opened', [encodeHeader(DATA, 0, 7, 1)]],
  ['a window for a stream that was never opened', [encodeHeader(WINDOW_UPDATE, 0, 7, 1)]],
  ["a frame for a stream of the other end's that is not there", [encodeHeader(DATA, 0, 2, 1)]],
  ['data on stream 0', [encodeHeader(DATA, 0, 0, 1)]],
  ['the opening of stream 0', [open(0)]],
  ['a stream opened twice', [open(1), open(1)]],
  ['a stream opened again after its end', [open(1), encodeHeader(WINDOW_UPDATE, RST, 1, 0), open(1)]],
  ["a stream opened with the other end's number", [open(2)]],
  ['a leap in the numbers', [open(100_001)]],
  ['a stream opened and answered at once', [encodeHeader(WINDOW_UPDATE, SYN | ACK, 1, 0)]],
  ['a stream opened and reset at once', [encodeHeader(WINDOW_UPDATE, SYN | RST, 1, 0)]],
  ['an answer to its own opening', [open(1), encodeHeader(WINDOW_UPDATE, ACK, 1, 0)]],
  ['two ends', [open(1), encodeHeader(WINDOW_UPDATE, FIN, 1, 0), encodeHeader(WINDOW_UPDATE, FIN, 1, 0)]],
  ['data after the end', [open(1), encodeHeader(DATA, FIN, 1, 0), encodeHeader(DATA, 0, 1, 1)]],
  ['a ping on a stream', [encodeHeader(PING, SYN, 1, 0)]],
  ['a ping that neither asks nor answers', [encodeHeader(PING, 0, 0, 0)]],
  ['a go-away on a stream', [encodeHeader(GO_AWAY, 0, 1, 0)]],
  ['a flood of pings', Array.from({ length: 5000 }, (_, value) => encodeHeader(PING, SYN, 0, value))],
  ['a flood of empty frames', [open(1), ...Array.from({ length: 5000 }, () => encodeHeader(DATA, 0, 1, 0))]],
  [
    'a flood of streams',
    Array.from({ length: 20_000 }, (_, index) => encodeHeader(WINDOW_UPDATE, SYN, 2 * index + 1, 0)),
  ],
  [
    'a flood of streams that are reset',
    Array.from({ length: 10_000 }, (_, index) => [
      open(2 * index + 1),
      encodeHeader(WINDOW_UPDATE, RST, 2 * index + 1, 0),
    ]).flat(),
  ],
];

test.each(breaches)('%s ends the session with a protocol error', async (_what, bytes) => {
  const { raw, session, answers } = await rawClient();
  session.onStream(() => {});
  raw.write(Buffer.concat(bytes));
  const reason = await session.closed;
  expect(reason).toMatchObject({ code: 'MULTIPLEX_PROTOCOL', fault: 'plugin' });
  await until(() => raw.destroyed || raw.readableEnded, 'the connection is closed');
  expect(answers().subarray(-HEADER_BYTES)).toEqual(protocolGoAway);
});

test.each([
  ['header', encodeHeader(PING, SYN, 0, 0).subarray(0, 5)],
  ['body', Buffer.concat([open(1), encodeHeader(DATA, 0, 1, 100), Buffer.alloc(99)])],
])('an end within a %s is a protocol error', async (_what, bytes) => {
  const { raw, session } = await rawClient();
  raw.end(bytes);
  expect(await session.closed).toMatchObject({ code: 'MULTIPLEX_PROTOCOL' });
});

test.each([
  [GoAwayCode.PROTOCOL_ERROR, 'a protocol error'],
  [GoAwayCode.INTERNAL_ERROR, 'an internal error'],
  [77, 'an error that nobody knows'],
])('a peer that leaves with code %d (%s) ends the session', async (code) => {
  const { raw, session } = await rawClient();
  raw.write(encodeHeader(GO_AWAY, 0, 0, code));
  expect(await session.closed).toMatchObject({ code: 'MULTIPLEX_PROTOCOL', facts: { goAwayCode: code } });
});

test('frames for a stream that was reset here are dropped: they were under way', async () => {
  const { raw, session } = await rawClient();
  const taken = nextStream(session);
  raw.write(open(1));
  (await taken).destroy();
  raw.write(
    Buffer.concat([encodeHeader(DATA, 0, 1, 5), Buffer.from('hello'), encodeHeader(WINDOW_UPDATE, 0, 1, 9)]),
  );
  raw.write(Buffer.concat([encodeHeader(DATA, FIN, 1, 5), Buffer.from('hello')]));
  const next = nextStream(session);
  raw.write(open(3));
  expect((await next).id).toBe(3);
  expect(session.reason).toBeUndefined();
});

test('after our end, last words are taken in silence, and a peer that goes on is told', async () => {
  const { raw, session, answers } = await rawClient();
  const taken = nextStream(session);
  raw.write(open(1));
  const stream = await taken;
  stream.end();
  stream.destroy(new Error('the other side of a proxy broke off'));
  const data = (bytes: number) => Buffer.concat([encodeHeader(DATA, 0, 1, bytes), Buffer.alloc(bytes)]);
  const reset = encodeHeader(WINDOW_UPDATE, RST, 1, 0);
  raw.write(Buffer.concat([data(100), encodeHeader(PING, SYN, 0, 7)]));
  const pong = encodeHeader(PING, ACK, 0, 7);
  await until(() => answers().includes(pong), 'the ping behind the last words is answered');
  expect(answers().includes(reset)).toBe(false);
  raw.write(data(64 * 1024));
  await until(() => answers().includes(reset), 'the peer is told');
  expect(session.reason).toBeUndefined();
});

test('streams may arrive in another order than they were numbered', async () => {
  const { raw, session } = await rawClient();
  const ids: number[] = [];
  session.onStream((stream) => ids.push(stream.id));
  raw.write(Buffer.concat([open(5), open(1), open(3)]));
  await until(() => ids.length === 3, 'all are taken');
  expect(ids).toEqual([5, 1, 3]);
  expect(session.reason).toBeUndefined();
});

test('streams beyond the limit are reset, and the others go on', async () => {
  const { raw, session, answers } = await rawClient({ maxStreams: 2 });
  echo(session);
  raw.write(Buffer.concat([open(1), open(3), open(5), encodeHeader(DATA, 0, 5, 3), Buffer.from('abc')]));
  await until(() => answers().length >= 3 * HEADER_BYTES, 'all are answered');
  expect(answers().subarray(-HEADER_BYTES)).toEqual(encodeHeader(WINDOW_UPDATE, RST, 5, 0));
  expect(session.streamCount).toBe(2);
});

test('a peer that sends one byte a frame costs about what it sends', async () => {
  const { raw, session } = await rawClient();
  const taken = nextStream(session);
  const count = 200_000;
  const frame = Buffer.concat([encodeHeader(DATA, 0, 1, 1), Buffer.from('x')]);
  raw.write(open(1));
  const stream = await taken;
  raw.write(Buffer.concat(Array.from({ length: count }, () => frame)));
  let before = -1;
  await until(() => {
    const done = raw.writableLength === 0 && before === raw.bytesWritten;
    before = raw.bytesWritten;
    return done;
  }, 'all is sent');
  let bytes = 0;
  let pieces = 0;
  stream.on('data', (piece: Buffer) => {
    bytes += piece.length;
    pieces++;
  });
  await until(() => bytes === count, 'all is read');
  expect(pieces).toBeLessThan(count / 100);
});
