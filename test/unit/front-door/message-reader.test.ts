import { randomBytes } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { PassThrough } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { deflateSync, gzipSync } from 'node:zlib';
import { status } from '@grpc/grpc-js';
import { MessageReader } from '../../../host/src/front-door/message-reader';

const limit = 1000;

function open(encoding?: string, maxBytes = limit) {
  const source = new PassThrough({ highWaterMark: 1_000_000 });
  const reader = new MessageReader(source, maxBytes, encoding);
  const told: string[] = [];
  let onMessage = (): void => {};
  reader.listen({
    onMessage: (message) => {
      told.push(message.length > 20 ? `${message.length} bytes` : message.toString());
      onMessage();
    },
    onEnd: () => told.push('END'),
    onBad: (code) => told.push(`BAD ${status[code]}`),
  });
  return {
    source,
    reader,
    told,
    /** Asks for the next message out of each one. */
    readAll: () => {
      onMessage = () => reader.startRead();
      reader.startRead();
    },
  };
}

function frame(text: string | Buffer, flag = 0): Buffer {
  const message = Buffer.from(text);
  const header = Buffer.alloc(5);
  header.writeUInt8(flag, 0);
  header.writeUInt32BE(message.length, 1);
  return Buffer.concat([header, message]);
}

async function turns(): Promise<void> {
  for (let i = 0; i < 10; i++) await nextTurn();
}

test('messages come whole and in order, however they are cut on their way', async () => {
  const sent = Buffer.concat([frame('one'), frame(''), frame('three'), frame('x'.repeat(900))]);
  for (const size of [1, 3, 7, sent.length]) {
    const { source, told, readAll } = open();
    readAll();
    for (let at = 0; at < sent.length; at += size) {
      source.write(sent.subarray(at, at + size));
      if (size > 1) await nextTurn();
    }
    source.end();
    await turns();
    expect(told).toEqual(['one', '', 'three', '900 bytes', 'END']);
  }
});

test('a message that comes byte by byte is kept in few pieces, and told as it is', () => {
  const source = new EventEmitter() as EventEmitter & { pause(): void; resume(): void };
  source.pause = () => {};
  source.resume = () => {};
  const message = randomBytes(300_000);
  const reader = new MessageReader(source, message.length);
  const told: Buffer[] = [];
  reader.listen({
    onMessage: (one) => {
      told.push(one);
      reader.startRead();
    },
    onEnd: () => {},
    onBad: () => {},
  });
  reader.startRead();
  const concat = jest.spyOn(Buffer, 'concat');
  // The second one begins in the middle of what small pieces are kept in.
  const bytes = Buffer.concat([frame('first'), frame(message), frame('last')]);
  try {
    for (let at = 0; at < bytes.length; ) {
      const size = at % 1000 === 0 ? 3 : 1;
      source.emit('data', bytes.subarray(at, at + size));
      at += size;
    }
    expect(Math.max(...concat.mock.calls.map(([pieces]) => pieces.length))).toBeLessThan(20);
  } finally {
    concat.mockRestore();
  }
  expect(told.map(String)).toEqual(['first', message.toString(), 'last']);
});

test('one message is told for each time that one is asked for, and no bytes are taken meanwhile', async () => {
  const { source, reader, told } = open();
  source.write(Buffer.concat([frame('one'), frame('two')]));
  await turns();
  expect(told).toEqual([]);
  reader.startRead();
  await turns();
  expect(told).toEqual(['one']);
  expect(source.isPaused()).toBe(true);
  source.end();
  reader.startRead();
  await turns();
  expect(told).toEqual(['one', 'two', 'END']);
});

test('the end is told with the last message: it is not asked for', async () => {
  const { source, reader, told } = open();
  source.end(frame('one'));
  reader.startRead();
  await turns();
  expect(told).toEqual(['one', 'END']);
});

test('ten thousand messages in one piece do not fill the stack', async () => {
  const { source, told, readAll } = open();
  source.end(Buffer.concat(Array.from({ length: 10_000 }, () => frame('x'))));
  readAll();
  await turns();
  expect(told).toHaveLength(10_001);
});

test.each([
  ['gzip', gzipSync],
  ['deflate', deflateSync],
])('messages that are compressed by %s are told as they were, beside others', async (encoding, compress) => {
  const { source, told, readAll } = open(encoding);
  source.end(Buffer.concat([frame(compress('one'), 1), frame('two'), frame(compress('three'), 1)]));
  readAll();
  for (let i = 0; i < 200 && !told.includes('END'); i++) await new Promise((next) => setTimeout(next, 5));
  expect(told).toEqual(['one', 'two', 'three', 'END']);
});

test.each<[string, Buffer, string | undefined, string]>([
  ['too long', frame('x'.repeat(limit + 1)), undefined, 'RESOURCE_EXHAUSTED'],
  [
    'too long once it is decompressed',
    frame(gzipSync(Buffer.alloc(100_000)), 1),
    'gzip',
    'RESOURCE_EXHAUSTED',
  ],
  ['compressed by something else', frame('x', 1), 'snappy', 'UNIMPLEMENTED'],
  ['not what it says', frame('no gzip', 1), 'gzip', 'INTERNAL'],
  ['compressed by nothing', frame('x', 1), undefined, 'INTERNAL'],
  ['no message', Buffer.from([9, 0, 0, 0, 0]), undefined, 'INTERNAL'],
  ['cut short', frame('whole').subarray(0, 7), undefined, 'INTERNAL'],
  ['cut short in its length', Buffer.from([0, 0]), undefined, 'INTERNAL'],
])(
  'a message that is %s is refused once, and what follows is thrown away',
  async (_what, bytes, encoding, code) => {
    const { source, told, readAll } = open(encoding);
    readAll();
    source.write(bytes);
    if (bytes.length > 7) source.write(frame('later'));
    source.end();
    for (let i = 0; i < 200 && told.length === 0; i++) await new Promise((next) => setTimeout(next, 5));
    await turns();
    expect(told).toEqual([`BAD ${code}`]);
  },
);
