import { PassThrough } from 'node:stream';
import { divertStream } from '../../../sdk/src/stdio/printed';
import { StdioHub } from '../../../sdk/src/stdio/stdio-hub';
import { poll } from '../../support/poll';

const NEVER = new AbortController().signal;
const tick = () => new Promise<void>((resolve) => setImmediate(resolve));
const KIB = 1024;

function attached(hub: StdioHub) {
  const reader = hub.attach();
  if (reader === undefined) throw new Error('there is a reader already');
  return reader;
}

test('channels keep their own order, and the older bytes come first', async () => {
  const hub = new StdioHub();
  hub.write('stderr', Buffer.from('1'));
  hub.write('stdout', Buffer.from('2'));
  hub.write('stderr', Buffer.from('3'));
  const reader = attached(hub);
  const first = await reader.next(NEVER);
  expect([first?.channel, first?.bytes.toString()]).toEqual(['stderr', '13']);
  const second = await reader.next(NEVER);
  expect([second?.channel, second?.bytes.toString()]).toEqual(['stdout', '2']);
});

test('a reader that waits gets what is printed next', async () => {
  const hub = new StdioHub();
  const next = attached(hub).next(NEVER);
  hub.write('stdout', Buffer.from('hello'));
  expect((await next)?.bytes.toString()).toBe('hello');
});

test('without a reader every write is accepted and called back, and the oldest bytes are dropped', async () => {
  const hub = new StdioHub({ limitBytes: 64 * KIB });
  let calledBack = 0;
  for (let i = 0; i < 100; i++) {
    expect(hub.write('stdout', Buffer.alloc(4 * KIB, i), () => calledBack++)).toBe(true);
  }
  await tick();
  expect(calledBack).toBe(100);
  const kept = hub.takeAll('stdout');
  expect(kept.length).toBeLessThanOrEqual(64 * KIB);
  expect(kept.length + hub.dropped('stdout')).toBe(400 * KIB);
  expect(kept.at(-1)).toBe(99);
});

test('with a reader a writer that minds loses nothing', async () => {
  const hub = new StdioHub({ limitBytes: 128 * KIB });
  const reader = attached(hub);
  const stream = new PassThrough();
  divertStream(stream as unknown as NodeJS.WriteStream, 'stdout', hub, () => true);
  const total = 2 * 1024 * KIB;
  const writing = (async () => {
    for (let sent = 0; sent < total; sent += 16 * KIB) {
      if (!stream.write(Buffer.alloc(16 * KIB, 1)))
        await new Promise((resolve) => stream.once('drain', resolve));
    }
  })();
  let received = 0;
  while (received < total) {
    received += (await reader.next(NEVER))?.bytes.length ?? 0;
    await tick();
  }
  await writing;
  expect(hub.dropped('stdout')).toBe(0);
});

test('a callback comes when the bytes have left, not before', async () => {
  const hub = new StdioHub();
  const reader = attached(hub);
  let done = false;
  hub.write('stdout', Buffer.from('x'), () => {
    done = true;
  });
  await tick();
  expect(done).toBe(false);
  await reader.next(NEVER);
  await tick();
  expect(done).toBe(true);
});

test('a reader that takes nothing makes nobody wait for long', async () => {
  const hub = new StdioHub({ limitBytes: 128 * KIB, stallTimeoutMs: 30 });
  attached(hub);
  let drained = 0;
  let calledBack = 0;
  hub.onDrain('stdout', () => drained++);
  expect(hub.write('stdout', Buffer.alloc(100 * KIB), () => calledBack++)).toBe(false);
  await poll(
    () => drained + calledBack,
    (told) => told === 2,
  );
  expect([drained, calledBack]).toEqual([1, 1]);
  expect(hub.write('stdout', Buffer.alloc(100 * KIB))).toBe(true);
});

test('a reader that leaves lets those go who waited for it', async () => {
  const hub = new StdioHub();
  const reader = attached(hub);
  let drained = 0;
  hub.onDrain('stderr', () => drained++);
  expect(hub.write('stderr', Buffer.alloc(100 * KIB))).toBe(false);
  reader.detach();
  await tick();
  expect(drained).toBe(1);
  expect(hub.attach()).toBeDefined();
});

test('there is one reader at a time, and a former one gets nothing more', async () => {
  const hub = new StdioHub();
  const first = attached(hub);
  expect(hub.attach()).toBeUndefined();
  const waiting = first.next(NEVER);
  first.detach();
  expect(await waiting).toBeUndefined();
  const second = attached(hub);
  hub.write('stdout', Buffer.from('for the second'));
  expect(await first.next(NEVER)).toBeUndefined();
  first.detach();
  expect((await second.next(NEVER))?.bytes.toString()).toBe('for the second');
});

test('a signal ends the wait and loses nothing', async () => {
  const hub = new StdioHub();
  const reader = attached(hub);
  const leave = new AbortController();
  const waiting = reader.next(leave.signal);
  leave.abort();
  expect(await waiting).toBeUndefined();
  hub.write('stdout', Buffer.from('kept'));
  expect(await reader.next(leave.signal)).toBeUndefined();
  expect((await reader.next(NEVER))?.bytes.toString()).toBe('kept');
});

test('at the end the reader gets what is left, and then the end', async () => {
  const hub = new StdioHub();
  const reader = attached(hub);
  hub.write('stdout', Buffer.from('rest'));
  hub.end();
  expect((await reader.next(NEVER))?.bytes.toString()).toBe('rest');
  expect(await reader.next(NEVER)).toBeUndefined();
});

describe('a diverted stream', () => {
  const divert = (captured = () => true) => {
    const hub = new StdioHub();
    const stream = new PassThrough();
    divertStream(stream as unknown as NodeJS.WriteStream, 'stdout', hub, captured);
    return { hub, stream };
  };

  test.each<[string, unknown[], string]>([
    ['a string', ['grün'], 'grün'],
    ['bytes', [new Uint8Array([104, 105])], 'hi'],
    ['a string in an encoding', ['6869', 'hex'], 'hi'],
    ['a view of part of a buffer', [new DataView(new Uint8Array([0, 104, 105, 0]).buffer, 1, 2)], 'hi'],
  ])('takes %s', (_name, args, text) => {
    const { hub, stream } = divert();
    Reflect.apply(stream.write, stream, args);
    expect(hub.takeAll('stdout').toString()).toBe(text);
  });

  test.each([
    ['last', (done: () => void) => ['x', 'utf8', done]],
    ['second', (done: () => void) => ['x', done]],
  ])('calls back later where the callback comes %s', async (_name, args) => {
    const { stream } = divert();
    let called = false;
    Reflect.apply(
      stream.write,
      stream,
      args(() => {
        called = true;
      }),
    );
    expect(called).toBe(false);
    await tick();
    expect(called).toBe(true);
  });

  test('throws on what no stream takes', () => {
    const { stream } = divert();
    expect(() => Reflect.apply(stream.write, stream, [42])).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }),
    );
  });

  test('writes as ever until it is captured', () => {
    let captured = false;
    const { hub, stream } = divert(() => captured);
    stream.write('before');
    captured = true;
    stream.write('after');
    expect(stream.read()?.toString()).toBe('before');
    expect(hub.takeAll('stdout').toString()).toBe('after');
  });

  test('is a good end for a pipe', async () => {
    const { hub, stream } = divert();
    const source = new PassThrough();
    source.pipe(stream, { end: false });
    source.end('through the pipe');
    await tick();
    expect(hub.takeAll('stdout').toString()).toBe('through the pipe');
  });
});
