import { status } from '@grpc/grpc-js';
import { KvDefinition, KvService } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { PluginError } from '@plugd/protocol/plugin-error';
import { createPromiseClient } from '@plugd/protocol/rpc/client';
import { RpcError } from '@plugd/protocol/rpc/rpc-error';
import { type AdaptOptions, adaptService, type ServiceImplementation } from '@plugd/protocol/rpc/service';
import type { ServiceCall } from '@plugd/protocol/rpc/service-call';
import { collect, kvService, rejection, until } from './local-kv';
import { cleanUp, connect, serve } from './local-server';

afterEach(cleanUp);

type Kv = ServiceImplementation<KvDefinition>;

async function kvClient(overrides: Partial<Kv>, options: Partial<AdaptOptions> = {}) {
  const target = await serve(KvDefinition, { ...kvService(), ...overrides }, options);
  return createPromiseClient(KvDefinition, connect(target));
}

async function rpcError(promise: Promise<unknown>): Promise<RpcError> {
  const error = await rejection(promise);
  if (error instanceof RpcError) return error;
  throw error;
}

test('all four kinds of call are answered', async () => {
  const client = await kvClient({});
  const requests = Array.from({ length: 40 }, (_, n) => ({ key: `k${n}`, text: 'a', sequence: n }));
  await expect(client.load(requests)).resolves.toMatchObject({ stored: 40 });
  await expect(client.get({ key: 'k39' })).resolves.toMatchObject({ found: true, servedBy: 'v1' });
  const watched = await collect(client.watch({ count: 100 }));
  expect(watched.map((message) => message.sequence)).toEqual(Array.from({ length: 100 }, (_, n) => n + 1));
  const answers = await collect(client.chat(requests));
  expect(answers.map((message) => message.sequence)).toEqual(requests.map((request) => request.sequence));
});

test('a handler reads the call and sends header and trailer', async () => {
  const draining = new AbortController().signal;
  let seen: ServiceCall | undefined;
  const client = await kvClient(
    {
      async get(_, call) {
        seen = call;
        call.header({ 'x-header': 'h' });
        call.trailer({ 'x-trailer': 't' });
        call.trailer({ 'x-more-bin': Buffer.from([1, 2]) });
        return {};
      },
    },
    { draining },
  );
  const heard: unknown[] = [];
  const begin = Date.now();
  await client.get(
    {},
    {
      timeoutMs: 60_000,
      metadata: { 'x-from': 'caller' },
      onHeader: (metadata) => heard.push(metadata.get('x-header')),
      onTrailer: (metadata) => heard.push(metadata.get('x-trailer'), metadata.get('x-more-bin')),
    },
  );
  expect(heard).toEqual([['h'], ['t'], [Buffer.from([1, 2])]]);
  expect(seen?.path).toBe('/samples.kv.v1.Kv/Get');
  expect(seen?.metadata.get('x-from')).toEqual(['caller']);
  expect(seen?.draining).toBe(draining);
  expect(typeof seen?.peer).toBe('string');
  expect(Math.abs((seen?.deadline?.getTime() ?? 0) - begin - 60_000)).toBeLessThan(5_000);
});

test('a call without a deadline has none', async () => {
  let deadline: Date | undefined = new Date();
  const client = await kvClient({
    async get(_, call) {
      deadline = call.deadline;
      return {};
    },
  });
  await client.get({});
  expect(deadline).toBeUndefined();
});

describe('what a handler throws becomes a status', () => {
  const circular: Record<string, unknown> = {};
  circular['self'] = circular;
  const cases: [string, unknown, Partial<RpcError>][] = [
    [
      'a numeric code is kept',
      Object.assign(new Error('m'), { code: 7, details: 'd' }),
      { code: 7, details: 'd' },
    ],
    [
      'the message stands in for details',
      Object.assign(new Error('m'), { code: 5 }),
      { code: 5, details: 'm' },
    ],
    ['an RpcError is kept', new RpcError(status.ABORTED, 'again'), { code: 10, details: 'again' }],
    ['any other error is UNKNOWN', new TypeError('oh'), { code: 2, details: 'oh' }],
    [
      'a code out of range is no status',
      Object.assign(new Error('m'), { code: 404 }),
      { code: 2, details: 'm' },
    ],
    ['OK is no status to throw', Object.assign(new Error('m'), { code: 0 }), { code: 2 }],
    ["a DOMException's code is no status", new DOMException('m', 'NotFoundError'), { code: 2, details: 'm' }],
    [
      'a text code is no status',
      Object.assign(new Error('m'), { code: 'ENOENT' }),
      { code: 2, details: 'm' },
    ],
    [
      'a PluginError leaves its code in the trailer',
      new PluginError('BUSY', 'Busy.'),
      { pluginCode: 'BUSY' },
    ],
    ['a string is its own message', 'plain', { code: 2, details: 'plain' }],
    ['undefined is UNKNOWN', undefined, { code: 2, details: 'undefined' }],
    ['an object without a message is UNKNOWN', circular, { code: 2 }],
    ['what cannot be said is UNKNOWN', Object.create(null), { code: 2 }],
    ['a lone surrogate is replaced', new Error('a\ud800b'), { code: 2, details: 'a\ufffdb' }],
    ['line feeds and percent signs survive', new Error('100 %\nü'), { details: '100 %\nü' }],
  ];
  test.each(cases)('%s', async (_, thrown, expected) => {
    const client = await kvClient({
      async get() {
        throw thrown;
      },
      // biome-ignore lint/correctness/useYield: it throws before
      async *watch() {
        throw thrown;
      },
    });
    expect(await rpcError(client.get({}))).toMatchObject(expected);
    expect(await rpcError(collect(client.watch({})))).toMatchObject(expected);
  });

  test('a message of any length arrives, cut', async () => {
    const client = await kvClient({
      get: () => Promise.reject(new Error('ü'.repeat(1_000_000))),
    });
    const error = await rpcError(client.get({}));
    expect(error.code).toBe(status.UNKNOWN);
    expect(error.details).toMatch(/^ü{500,}…$/);
  });

  test('an error of a call that the handler made itself passes through', async () => {
    const inner = await kvClient({
      get: () => Promise.reject(new RpcError(status.NOT_FOUND, 'gone', { metadata: { 'x-error': 'e' } })),
    });
    const outer = await kvClient({
      async *watch() {
        yield {};
        await inner.get({});
      },
    });
    const error = await rpcError(collect(outer.watch({})));
    expect(error).toMatchObject({ code: status.NOT_FOUND, details: 'gone' });
    expect(error.metadata.getMap()).toEqual({ 'x-error': 'e' });
  });

  test('trailers of the call and of the error go along', async () => {
    const client = await kvClient({
      async *watch(_, call) {
        call.trailer({ 'x-call': 'c' });
        yield { sequence: 1 };
        throw new RpcError(status.DATA_LOSS, 'lost', { metadata: { 'x-error': 'e' } });
      },
    });
    const error = await rpcError(collect(client.watch({})));
    expect(error.code).toBe(status.DATA_LOSS);
    expect(error.metadata.get('x-call')).toEqual(['c']);
    expect(error.metadata.get('x-error')).toEqual(['e']);
  });
});

test('a response that cannot be encoded is INTERNAL, with the reason, and ends the generator', async () => {
  const errors: unknown[] = [];
  let closed = false;
  // What a handler in plain JavaScript can do.
  const wrong = JSON.parse('{"sequence":"NaN"}');
  const client = await kvClient(
    {
      async *watch() {
        try {
          yield { sequence: 1 };
          yield wrong;
        } finally {
          closed = true;
        }
      },
      get: async () => wrong,
      put: async () => JSON.parse('{"pid":"x"}'),
    },
    { onError: (error, path, code) => errors.push([path, code, error instanceof RpcError]) },
  );
  const error = await rpcError(collect(client.watch({})));
  expect(error).toMatchObject({ code: status.INTERNAL });
  expect(error.details).toContain('could not be encoded');
  expect(closed).toBe(true);
  expect(await rpcError(client.put({}))).toMatchObject({ code: status.INTERNAL });
  expect(errors).toEqual([
    ['/samples.kv.v1.Kv/Watch', status.INTERNAL, true],
    ['/samples.kv.v1.Kv/Put', status.INTERNAL, true],
  ]);
});

test('a streaming handler that returns nothing to iterate fails its call alone', async () => {
  const client = await kvClient({ watch: () => JSON.parse('5') });
  expect(await rpcError(collect(client.watch({})))).toMatchObject({ code: status.UNKNOWN });
  await expect(client.get({})).resolves.toMatchObject({ servedBy: 'v1' });
});

test('a handler that throws before it returns a promise fails its call alone', async () => {
  const client = await kvClient({
    get: () => {
      throw new Error('at once');
    },
    watch: () => {
      throw new Error('at once');
    },
  });
  expect(await rpcError(client.get({}))).toMatchObject({ details: 'at once' });
  expect(await rpcError(collect(client.watch({})))).toMatchObject({ details: 'at once' });
});

test('responses are produced no faster than the caller takes them', async () => {
  let produced = 0;
  const client = await kvClient({
    async *watch() {
      for (;;) yield { sequence: ++produced, value: Buffer.alloc(64 * 1024) };
    },
  });
  const stream = client.watch({})[Symbol.asyncIterator]();
  await stream.next();
  let before = -1;
  await until(() => {
    const still = produced === before;
    before = produced;
    return still;
  }, 'the producer stops');
  expect(produced).toBeLessThan(200);
  for (let n = 0; n < 300; n++) await stream.next();
  expect(produced).toBeGreaterThan(300);
  await stream.return?.();
});

describe('when the caller leaves', () => {
  test('the signal fires with CANCELLED, and the handler is the one who settles the call', async () => {
    const log: unknown[] = [];
    let settle = (): void => {};
    const client = await kvClient(
      {
        get: (_, call) =>
          new Promise((resolve) => {
            call.signal.addEventListener('abort', () => log.push(call.signal.reason));
            settle = () => resolve({});
          }),
      },
      {
        track: (call) => {
          log.push(`begin ${call.path}`);
          return () => log.push('settled');
        },
      },
    );
    const leave = new AbortController();
    const call = rejection(client.get({}, { signal: leave.signal }));
    await until(() => log.length === 1, 'the call arrives');
    leave.abort();
    await call;
    await until(() => log.length === 2, 'the signal fires');
    expect(log[1]).toMatchObject({ code: status.CANCELLED });
    settle();
    await until(() => log.length === 3, 'the call settles');
    expect(log).toEqual(['begin /samples.kv.v1.Kv/Get', expect.any(RpcError), 'settled']);
  });

  test('a signal that is first asked for afterwards has fired already', async () => {
    let late: AbortSignal | undefined;
    let arrived = false;
    const gone = new AbortController();
    const client = await kvClient({
      async get(_, call) {
        arrived = true;
        await new Promise((resolve) => setTimeout(resolve, 50));
        late = call.signal;
        return {};
      },
    });
    const call = rejection(client.get({}, { signal: gone.signal }));
    await until(() => arrived, 'the call arrives');
    gone.abort();
    await call;
    await until(() => late !== undefined, 'the handler goes on');
    expect(late?.aborted).toBe(true);
  });

  test('a generator that waits in its yield is ended there', async () => {
    const log: string[] = [];
    const client = await kvClient(
      {
        async *watch() {
          try {
            for (;;) yield { value: Buffer.alloc(256 * 1024) };
          } finally {
            log.push('finally');
          }
        },
      },
      { track: () => () => log.push('settled') },
    );
    for await (const _ of client.watch({})) break;
    await until(() => log.length === 2, 'the generator ends');
    expect(log).toEqual(['finally', 'settled']);
  });

  test('an iterator that is no generator is told so while it waits', async () => {
    let waiting = false;
    let returned = 0;
    let settled = 0;
    const client = await kvClient(
      {
        watch: () => {
          let release = (_: IteratorResult<object, undefined>): void => {};
          return {
            [Symbol.asyncIterator]: () => ({
              next: () =>
                new Promise<IteratorResult<object, undefined>>((resolve) => {
                  waiting = true;
                  release = resolve;
                }),
              return: async () => {
                returned++;
                release({ done: true, value: undefined });
                return { done: true, value: undefined };
              },
            }),
          };
        },
      },
      { track: () => () => settled++ },
    );
    const leave = new AbortController();
    const call = rejection(collect(client.watch({}, { signal: leave.signal })));
    await until(() => waiting, 'the call arrives');
    leave.abort();
    await call;
    await until(() => settled === 1, 'the handler settles');
    expect(returned).toBeGreaterThan(0);
  });

  test('a generator that waits for its signal ends with it', async () => {
    const errors: unknown[] = [];
    let settled = 0;
    const client = await kvClient(
      {},
      { onError: (_, path, code) => errors.push([path, code]), track: () => () => settled++ },
    );
    const gone = new AbortController();
    const call = rejection(collect(client.watch({ intervalMs: 60_000 }, { signal: gone.signal })));
    setTimeout(() => gone.abort(), 30);
    await call;
    await until(() => settled === 1, 'the handler settles');
    expect(errors).toEqual([['/samples.kv.v1.Kv/Watch', status.CANCELLED]]);
  });

  test('an iteration of the requests throws, and never takes a torn stream for a whole one', async () => {
    const ends: unknown[] = [];
    let arrived = 0;
    const client = await kvClient({
      async load(requests) {
        try {
          for await (const _ of requests) arrived++;
          ends.push('whole');
        } catch (error) {
          ends.push(error);
        }
        return {};
      },
    });
    async function* requests() {
      yield { key: 'a' };
      await new Promise(() => {});
    }
    for (let round = 1; round <= 50; round++) {
      const gone = new AbortController();
      const call = rejection(client.load(requests(), { signal: gone.signal }));
      await until(() => arrived === round, 'the request arrives');
      gone.abort();
      await call;
      await until(() => ends.length === round, 'the iteration ends');
    }
    expect(ends.filter((end) => !(end instanceof RpcError && end.code === status.CANCELLED))).toEqual([]);
  });
});

test('a deadline that passes fires the signal with DEADLINE_EXCEEDED', async () => {
  const reasons: unknown[] = [];
  const client = await kvClient({
    get: (_, call) =>
      new Promise((resolve) => {
        call.signal.addEventListener('abort', () => {
          reasons.push(call.signal.reason);
          resolve({});
        });
      }),
  });
  expect(await rpcError(client.get({}, { timeoutMs: 1_000 }))).toMatchObject({
    code: status.DEADLINE_EXCEEDED,
  });
  await until(() => reasons.length === 1, 'the signal fires');
  expect(reasons[0]).toBeInstanceOf(RpcError);
});

test('the signal stays quiet when a call ends as it should', async () => {
  const signals: AbortSignal[] = [];
  const client = await kvClient({
    async get(_, call) {
      signals.push(call.signal);
      return {};
    },
    async *watch(_, call) {
      signals.push(call.signal);
      yield {};
    },
    async put(_, call) {
      signals.push(call.signal);
      throw new Error('no');
    },
  });
  await client.get({});
  await collect(client.watch({}));
  await rejection(client.put({}));
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect(signals.map((signal) => signal.aborted)).toEqual([false, false, false]);
});

test('a handler may answer before it has read all requests', async () => {
  const client = await kvClient({
    async load(requests) {
      for await (const _ of requests) return { stored: 1 };
      return { stored: 0 };
    },
    async *chat(requests) {
      for await (const { text } of requests) {
        yield { text };
        yield { text: 'bye' };
        return;
      }
    },
  });
  async function* endless() {
    for (;;) yield { key: 'k', text: 'hello' };
  }
  await expect(client.load(endless())).resolves.toMatchObject({ stored: 1 });
  expect((await collect(client.chat(endless()))).map(({ text }) => text)).toEqual(['hello', 'bye']);
});

test('requests are read no faster than the handler takes them', async () => {
  let sent = 0;
  let go: (() => void) | undefined;
  const client = await kvClient({
    async load(requests) {
      await new Promise<void>((resolve) => {
        go = resolve;
      });
      return { stored: (await collect(requests)).length };
    },
  });
  async function* requests() {
    for (sent = 1; sent <= 200; sent++) yield { value: Buffer.alloc(64 * 1024) };
  }
  const call = client.load(requests());
  let before = -1;
  await until(() => {
    // Before the handler is there the sender may stop too, for want of a connection.
    const still = go !== undefined && sent > 0 && sent === before;
    before = sent;
    return still;
  }, 'the sender stops');
  expect(sent).toBeLessThan(150);
  go?.();
  await expect(call).resolves.toMatchObject({ stored: 200 });
});

test('an object of a class serves with its own `this`, a missing handler is UNIMPLEMENTED', async () => {
  class Kv {
    private readonly name = 'class';
    async get() {
      return { servedBy: this.name };
    }
  }
  const { definition, handlers } = adaptService(
    KvDefinition,
    // What a plain JavaScript author may leave out.
    new Kv() as unknown as ServiceImplementation<KvDefinition>,
    { draining: new AbortController().signal },
  );
  expect(Object.keys(definition)).toEqual(['get', 'put', 'watch', 'load', 'chat']);
  expect(Object.keys(handlers)).toEqual(['get']);
});

test('a grpc-js definition is served as well', async () => {
  const target = await serve(KvService, {
    async get() {
      return { found: true, value: Buffer.alloc(0), servedBy: 'grpc-js', pid: 1 };
    },
    async put() {
      return { servedBy: '', pid: 0 };
    },
    async *watch() {},
    async load() {
      return { stored: 0, servedBy: '', pid: 0 };
    },
    async *chat() {},
  });
  const client = createPromiseClient(KvDefinition, connect(target));
  await expect(client.get({})).resolves.toMatchObject({ servedBy: 'grpc-js' });
});

test('what is no definition is refused', () => {
  const options = { draining: new AbortController().signal };
  for (const wrong of [null, 5, { get: 'x' }, { get: { path: 5 } }]) {
    const definition = JSON.parse(JSON.stringify(wrong));
    expect(() => adaptService(definition, {}, options)).toThrow(
      expect.objectContaining({ code: 'OPTIONS_INVALID' }),
    );
  }
});
