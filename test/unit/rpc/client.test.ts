import { join } from 'node:path';
import { type ChannelInterface, Metadata, Server, status } from '@grpc/grpc-js';
import * as protoLoader from '@grpc/proto-loader';
import { KvDefinition, KvService } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { createPromiseClient } from '@plugd/protocol/rpc/client';
import { RpcError } from '@plugd/protocol/rpc/rpc-error';
import type { ServiceImplementation } from '@plugd/protocol/rpc/service';
import { collect, kvService, rejection, until } from './local-kv';
import { cleanUp, connect, listen, serve } from './local-server';

afterEach(cleanUp);

type Kv = ServiceImplementation<KvDefinition>;

async function kvClient(overrides: Partial<Kv> = {}) {
  const target = await serve(KvDefinition, { ...kvService(), ...overrides });
  return createPromiseClient(KvDefinition, connect(target));
}

async function protoLoaderKv() {
  const definition = await protoLoader.load('samples/kv/v1/kv.proto', {
    includeDirs: [join(__dirname, '../../../proto')],
  });
  const service = definition['samples.kv.v1.Kv'];
  if (service === undefined || 'format' in service) throw new Error('no service');
  return service;
}

test('a grpc-js definition is called as well, with whole messages', async () => {
  const target = await serve(KvDefinition, kvService());
  const client = createPromiseClient(KvService, connect(target));
  const answer = await client.get({ key: 'x' });
  expect(answer.servedBy).toBe('v1');
  // @ts-expect-error a definition of this form has nothing to fill a message up with
  expect(await rejection(client.put({ key: 'x' }))).toMatchObject({ code: status.INTERNAL });
  const [first] = await collect(client.watch({ key: '', count: 1, intervalMs: 0 }));
  expect(first?.sequence).toBe(1);
});

test("proto-loader's definitions are called and served, by either name of a method", async () => {
  const definition = await protoLoaderKv();
  const target = await serve(definition, {
    Get: async (request) => ({ servedBy: Reflect.get(request, 'key') }),
    watch: async function* () {
      yield { sequence: 1 };
    },
  });
  const client = createPromiseClient(definition, connect(target));
  await expect(client['Get']?.({ key: 'by name' })).resolves.toMatchObject({ servedBy: 'by name' });
  await expect(client['get']?.({ key: 'by alias' })).resolves.toMatchObject({ servedBy: 'by alias' });
  const stream = client['Watch']?.({}) as AsyncIterable<{ sequence: number }>;
  expect((await collect(stream)).map(({ sequence }) => sequence)).toEqual([1]);
});

test('types follow the definition', async () => {
  const client = await kvClient();
  const types = () => {
    // @ts-expect-error a request has the fields of its message
    void client.get({ nosuch: 1 });
    // @ts-expect-error a stream of requests must be iterable
    void client.load({ key: 'x' });
    // @ts-expect-error a stream of responses is no promise
    void client.watch({}).then();
    // @ts-expect-error there is no such method
    void client.nosuch({});
  };
  expect(typeof types).toBe('function');
});

test('metadata may be a Metadata or plain, and is never changed', async () => {
  const seen: unknown[] = [];
  const client = await kvClient({
    async get(_, call) {
      seen.push(call.metadata.get('x-a'), call.metadata.get('x-b-bin'));
      return {};
    },
  });
  const metadata = new Metadata();
  metadata.set('x-a', 'one');
  await client.get({}, { metadata });
  await client.get({}, { metadata: { 'x-a': ['one', 'two'], 'x-b-bin': Buffer.from([0, 255]) } });
  expect(seen).toEqual([['one'], [], ['one, two'], [Buffer.from([0, 255])]]);
  expect(metadata.toJSON()).toEqual({ 'x-a': ['one'] });
});

test('a failed call rejects with everything that is known about it', async () => {
  const client = await kvClient({
    get: () =>
      Promise.reject(
        new RpcError(status.FAILED_PRECONDITION, 'not now', {
          metadata: { 'plugd-code': 'BUSY', 'x-a': 'b' },
        }),
      ),
  });
  const trailers: Metadata[] = [];
  const error = await rejection(client.get({}, { onTrailer: (metadata) => trailers.push(metadata) }));
  expect(error).toBeInstanceOf(RpcError);
  expect(error).toBeInstanceOf(Error);
  expect(error).toMatchObject({
    name: 'RpcError',
    code: 9,
    codeName: 'FAILED_PRECONDITION',
    details: 'not now',
    path: '/samples.kv.v1.Kv/Get',
    pluginCode: 'BUSY',
    message: '/samples.kv.v1.Kv/Get FAILED_PRECONDITION: not now',
  });
  expect(trailers[0]?.get('x-a')).toEqual(['b']);
  expect(new Error('x')).not.toBeInstanceOf(RpcError);
});

describe('deadlines', () => {
  const soon = 30_000;
  const late = 60_000;
  test.each([
    ['timeoutMs alone', () => ({ timeoutMs: soon })],
    ['a deadline as Date', () => ({ deadline: new Date(Date.now() + soon) })],
    ['a deadline as number', () => ({ deadline: Date.now() + soon })],
    ['the earlier one is timeoutMs', () => ({ timeoutMs: soon, deadline: Date.now() + late })],
    ['the earlier one is deadline', () => ({ timeoutMs: late, deadline: Date.now() + soon })],
  ])('%s', async (_, options) => {
    let deadline = 0;
    const client = await kvClient({
      async get(_, call) {
        deadline = call.deadline?.getTime() ?? 0;
        return {};
      },
    });
    await client.get({}, options());
    expect(Math.abs(deadline - Date.now() - soon)).toBeLessThan(10_000);
  });

  test('one that has passed ends the call with DEADLINE_EXCEEDED', async () => {
    const client = await kvClient();
    for (const options of [{ timeoutMs: 0 }, { timeoutMs: -5 }, { deadline: 0 }, { deadline: new Date(0) }]) {
      expect(await rejection(client.get({}, options))).toMatchObject({ code: status.DEADLINE_EXCEEDED });
      expect(await rejection(collect(client.watch({}, options)))).toMatchObject({
        code: status.DEADLINE_EXCEEDED,
      });
    }
  });

  test('one that passes while a stream runs ends it', async () => {
    const client = await kvClient();
    const stream = client.watch({ intervalMs: 10 }, { timeoutMs: 100 });
    expect(await rejection(collect(stream))).toMatchObject({ code: status.DEADLINE_EXCEEDED });
  });

  test('one beyond what the wire can say is none', async () => {
    const client = await kvClient();
    for (const timeoutMs of [Number.MAX_SAFE_INTEGER, Number.POSITIVE_INFINITY, 1e12]) {
      await expect(client.get({}, { timeoutMs })).resolves.toMatchObject({ servedBy: 'v1' });
    }
  });

  test('one that is no number is refused', async () => {
    const client = await kvClient();
    for (const options of [{ timeoutMs: Number.NaN }, { deadline: new Date('nonsense') }]) {
      expect(await rejection(client.get({}, options))).toMatchObject({ code: 'OPTIONS_INVALID' });
      expect(await rejection(collect(client.watch({}, options)))).toMatchObject({ code: 'OPTIONS_INVALID' });
      expect(await rejection(client.load([], options))).toMatchObject({ code: 'OPTIONS_INVALID' });
    }
  });
});

describe('a signal', () => {
  test('that has fired before ends each kind of call before anything is sent', async () => {
    let calls = 0;
    const count = (): never => {
      calls++;
      throw new Error('it arrived');
    };
    const client = await kvClient({ get: count, watch: count, load: count, chat: count });
    const reason = new Error('too late');
    const options = { signal: AbortSignal.abort(reason) };
    let taken = 0;
    function* requests() {
      taken++;
      yield {};
    }
    const expected = { code: status.CANCELLED, cause: reason };
    expect(await rejection(client.get({}, options))).toMatchObject(expected);
    expect(await rejection(collect(client.watch({}, options)))).toMatchObject(expected);
    expect(await rejection(client.load(requests(), options))).toMatchObject(expected);
    expect(await rejection(collect(client.chat(requests(), options)))).toMatchObject(expected);
    await rejection(client.get({}));
    expect({ calls, taken }).toEqual({ calls: 1, taken: 0 });
  });

  test('that fires ends a running call at once, on both sides', async () => {
    let running = 0;
    let ended = 0;
    const wait = (call: { signal: AbortSignal }) =>
      new Promise<never>((_, reject) => {
        running++;
        call.signal.addEventListener('abort', () => {
          ended++;
          reject(call.signal.reason);
        });
      });
    const client = await kvClient({
      get: (_, call) => wait(call),
      // biome-ignore lint/correctness/useYield: it never gets that far
      async *watch(_, call) {
        await wait(call);
      },
      load: (_, call) => wait(call),
      // biome-ignore lint/correctness/useYield: it never gets that far
      async *chat(_, call) {
        await wait(call);
      },
    });
    const leave = new AbortController();
    const options = { signal: leave.signal };
    let closed = 0;
    async function* requests() {
      try {
        for (;;) {
          yield {};
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
      } finally {
        closed++;
      }
    }
    const calls = [
      client.get({}, options),
      collect(client.watch({}, options)),
      client.load(requests(), options),
      collect(client.chat(requests(), options)),
    ].map(rejection);
    await until(() => running === 4, 'all calls run');
    leave.abort();
    for (const error of await Promise.all(calls)) expect(error).toMatchObject({ code: status.CANCELLED });
    await until(() => ended === 4 && closed === 2, 'both sides have ended');
  });

  test('is let go when its call has ended', async () => {
    const client = await kvClient();
    const { signal } = new AbortController();
    let listeners = 0;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listeners++;
      add(...args);
    };
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listeners--;
      remove(...args);
    };
    await client.get({}, { signal });
    await collect(client.watch({ count: 3 }, { signal }));
    for await (const _ of client.watch({}, { signal })) break;
    expect(listeners).toBe(0);
  });
});

describe('a stream of responses', () => {
  test('that is never iterated is never called', async () => {
    let calls = 0;
    const client = await kvClient({
      async *watch() {
        calls++;
        yield {};
      },
    });
    client.watch({});
    const stream = client.watch({})[Symbol.asyncIterator]();
    await stream.return?.();
    expect(await stream.next()).toEqual({ done: true, value: undefined });
    await client.get({});
    expect(calls).toBe(0);
  });

  test('that is left early is cancelled', async () => {
    let reason: unknown;
    const client = await kvClient({
      async *watch(_, call) {
        call.signal.addEventListener('abort', () => {
          reason = call.signal.reason;
        });
        for (;;) {
          yield {};
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
      },
    });
    const stream = client.watch({});
    for await (const _ of stream) break;
    await until(() => reason !== undefined, 'the plugin hears of it');
    expect(reason).toMatchObject({ code: status.CANCELLED });
    expect(await collect(stream)).toEqual([]);
  });

  test('answers next() in order, however many are asked for at once', async () => {
    const client = await kvClient();
    const stream = client.watch({ count: 3 })[Symbol.asyncIterator]();
    const results = await Promise.all([1, 2, 3, 4, 5].map(() => stream.next()));
    expect(results.map(({ value }) => value?.sequence)).toEqual([1, 2, 3, undefined, undefined]);
  });

  test('throws its error once, and is then at its end', async () => {
    const client = await kvClient({
      // biome-ignore lint/correctness/useYield: it throws before
      async *watch() {
        throw new Error('no');
      },
    });
    const stream = client.watch({})[Symbol.asyncIterator]();
    const results = await Promise.allSettled([stream.next(), stream.next(), stream.next()]);
    expect(results.map((result) => result.status)).toEqual(['rejected', 'fulfilled', 'fulfilled']);
    expect(await stream.next()).toEqual({ done: true, value: undefined });
  });

  test('gives what had come before the error', async () => {
    const client = await kvClient({
      async *watch() {
        yield { sequence: 1 };
        await new Promise((resolve) => setTimeout(resolve, 50));
        throw new Error('no');
      },
    });
    const stream = client.watch({})[Symbol.asyncIterator]();
    expect((await stream.next()).value?.sequence).toBe(1);
    expect(await rejection(stream.next())).toMatchObject({ details: 'no' });
  });
});

describe('the requests of a caller', () => {
  // The field is a uint32.
  const unencodable = { sequence: -1, count: -1 };

  test('that throw cancel the call, which rejects with that error', async () => {
    const broken = new Error('the source is broken');
    let arrived = 0;
    let cancelled = 0;
    const client = await kvClient({
      load: (_, call) =>
        new Promise((resolve) => {
          arrived++;
          call.signal.addEventListener('abort', () => {
            cancelled++;
            resolve({});
          });
        }),
      async *chat(requests, call) {
        arrived++;
        call.signal.addEventListener('abort', () => cancelled++);
        for await (const _ of requests) yield {};
      },
    });
    async function* breaking(calls: number) {
      yield { key: 'a', text: 'a' };
      await until(() => arrived === calls, 'the call arrives');
      throw broken;
    }
    expect(await rejection(client.load(breaking(1)))).toBe(broken);
    expect(await rejection(collect(client.chat(breaking(2))))).toBe(broken);
    await until(() => cancelled === 2, 'the plugin hears of it');
  });

  test('that cannot be iterated are refused', async () => {
    const client = await kvClient();
    expect(await rejection(client.load(JSON.parse('5')))).toBeInstanceOf(TypeError);
    expect(await rejection(collect(client.chat(JSON.parse('{}'))))).toBeInstanceOf(TypeError);
  });

  test('that cannot be encoded end the call, and the source is closed', async () => {
    const client = await kvClient();
    let closed = 0;
    async function* wrong() {
      try {
        yield unencodable;
      } finally {
        closed++;
      }
    }
    expect(await rejection(collect(client.chat(wrong())))).toMatchObject({ code: status.INTERNAL });
    expect(await rejection(collect(client.watch(unencodable)))).toMatchObject({ code: status.INTERNAL });
    await until(() => closed === 1, 'the source is closed');
  });

  test('are closed when the call is answered early, even if they throw at that', async () => {
    const client = await kvClient({ load: async () => ({ stored: 7 }) });
    let closed = false;
    async function* endless() {
      try {
        for (;;) yield {};
      } finally {
        closed = true;
        // biome-ignore lint/correctness/noUnsafeFinally: what a careless caller may do
        throw new Error('while closing');
      }
    }
    await expect(client.load(endless())).resolves.toMatchObject({ stored: 7 });
    await until(() => closed, 'the source is closed');
  });

  test('of any length leave the event loop to others', async () => {
    const client = await kvClient({ load: async () => ({ stored: 1 }) });
    let taken = 0;
    function* endless() {
      for (;;) {
        taken++;
        yield {};
      }
    }
    await client.load(endless());
    expect(taken).toBeLessThan(20_000);
  });
});

describe('what a plugin may get wrong', () => {
  type Answer = (call: { write(bytes: Buffer): void; end(): void }) => void;
  // A server whose Get streams: the wire does not say which kind a method is.
  async function misbehaving(answer: Answer): Promise<ChannelInterface> {
    const server = new Server();
    const bytes = (value: Buffer) => value;
    const method = { responseStream: true, responseSerialize: bytes, responseDeserialize: bytes };
    server.addService(
      {
        get: { ...KvService.get, ...method },
        watch: { ...KvService.watch, ...method },
      },
      { get: answer, watch: answer },
    );
    return connect(await listen(server));
  }

  test('no response is UNIMPLEMENTED', async () => {
    const client = createPromiseClient(KvDefinition, await misbehaving((call) => call.end()));
    expect(await rejection(client.get({}))).toMatchObject({ code: status.UNIMPLEMENTED });
  });

  test('two responses are UNIMPLEMENTED, and the call does not hang', async () => {
    const channel = await misbehaving((call) => {
      call.write(Buffer.alloc(0));
      call.write(Buffer.alloc(0));
      call.end();
    });
    const client = createPromiseClient(KvDefinition, channel);
    expect(await rejection(client.get({}))).toMatchObject({ code: status.UNIMPLEMENTED });
  });

  test('a response that is no message is INTERNAL', async () => {
    const channel = await misbehaving((call) => {
      call.write(Buffer.from([255, 255, 255]));
      call.end();
    });
    const client = createPromiseClient(KvDefinition, channel);
    const expected = { code: status.INTERNAL, details: expect.stringContaining('could not be decoded') };
    expect(await rejection(client.get({}))).toMatchObject(expected);
    expect(await rejection(collect(client.watch({})))).toMatchObject(expected);
  });
});

test('what a callback throws becomes the error of its call', async () => {
  const client = await kvClient();
  const oops = new Error('oops');
  const fail = (): never => {
    throw oops;
  };
  expect(await rejection(client.get({}, { onHeader: fail }))).toBe(oops);
  expect(await rejection(client.get({}, { onTrailer: fail }))).toBe(oops);
  expect(await rejection(collect(client.watch({}, { onHeader: fail })))).toBe(oops);
  expect(await rejection(collect(client.watch({ count: 1 }, { onTrailer: fail })))).toBe(oops);
});

test('a closed channel rejects instead of throwing', async () => {
  const channel = connect(await serve(KvDefinition, kvService()));
  const client = createPromiseClient(KvDefinition, channel);
  channel.close();
  expect(await rejection(client.get({}))).toMatchObject({ code: status.UNAVAILABLE });
  expect(await rejection(collect(client.watch({})))).toMatchObject({ code: status.UNAVAILABLE });
  expect(await rejection(client.load([]))).toMatchObject({ code: status.UNAVAILABLE });
});

test('a plugin that dies ends its calls with UNAVAILABLE', async () => {
  const server = new Server();
  let arrived = 0;
  server.addService(
    { get: KvService.get, watch: KvService.watch },
    { get: () => arrived++, watch: () => arrived++ },
  );
  const target = await listen(server);
  const client = createPromiseClient(KvDefinition, connect(target));
  const calls = [client.get({}), collect(client.watch({}))].map(rejection);
  await until(() => arrived === 2, 'the calls arrive');
  server.forceShutdown();
  for (const error of await Promise.all(calls)) expect(error).toMatchObject({ name: 'RpcError' });
});
