import { setTimeout as sleep } from 'node:timers/promises';
import type { ServiceClientConstructor } from '@grpc/grpc-js';
import { type GetResponse, KvClient, KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { createPromiseClient, type PromiseClient } from '@plugd/protocol/rpc/client';
import { createStub } from '../../../host/src/routing/stub';
import { SwapChannel } from '../../../host/src/routing/swap-channel';
import { loadedKvClient } from '../../support/loaded-kv';
import { until } from '../rpc/local-kv';
import { cleanUp, onCleanUp } from '../rpc/local-server';
import { outcome, startGeneration } from './local-generation';

afterEach(cleanUp);

type ServiceClient = InstanceType<ServiceClientConstructor>;

const SWAPS = 50;
const STREAM_LENGTH = 12;

/** Holds every call against what the route was between its begin and its end. */
class Ledger {
  calls = 0;
  readonly wrong: string[] = [];

  constructor(private readonly route: SwapChannel) {}

  /** `call` resolves with the versions that answered, message by message, and throws if it failed. */
  async enter(what: string, expected: number, call: () => Promise<readonly string[]>): Promise<void> {
    const from = this.route.current?.number ?? Number.NaN;
    this.calls++;
    try {
      const answers = await call();
      const to = this.route.current?.number ?? Number.NaN;
      const versions = new Set(answers);
      const number = Number(answers[0]?.slice(1));
      if (answers.length !== expected) this.wrong.push(`${what}: ${answers.length} of ${expected} messages`);
      if (versions.size !== 1) this.wrong.push(`${what}: mixed ${[...versions].join(', ')}`);
      if (!(number >= from && number <= to)) {
        this.wrong.push(`${what}: answered by ${number}, but the route went from ${from} to ${to}`);
      }
    } catch (error) {
      this.wrong.push(`${what}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}

async function versionsOf(
  messages: AsyncIterable<{ sequence: number; servedBy: string }>,
): Promise<string[]> {
  const versions: string[] = [];
  for await (const { sequence, servedBy } of messages) {
    if (sequence !== versions.length + 1) throw new Error(`message ${sequence} after ${versions.length}`);
    versions.push(servedBy);
  }
  return versions;
}

/** Requests that take their time, so that swaps come in between. */
async function* slowRequests() {
  for (let sequence = 1; sequence <= STREAM_LENGTH; sequence++) {
    await sleep(2);
    yield { sequence, key: `k${sequence}`, text: 'x', value: Buffer.alloc(0) };
  }
}

const watchRequest = { key: '', count: STREAM_LENGTH, intervalMs: 2 };
const method = (client: ServiceClient, name: string) => {
  const found = client[name];
  if (found === undefined) throw new Error(`no method ${name}`);
  return found.bind(client);
};

/** What is called again and again while the route changes: each kind of call in each style of client. */
function loops(typed: KvClient, loaded: ServiceClient, client: PromiseClient<KvDefinition>) {
  const feed = async (call: { write(message: object): unknown; end(): void }) => {
    for await (const request of slowRequests()) call.write(request);
    call.end();
  };
  const unwrap = async (call: Promise<Awaited<ReturnType<typeof outcome<GetResponse>>>>) => {
    const result = await call;
    if (!result.ok) throw result.error;
    return [result.response.servedBy];
  };
  return {
    'ts-proto unary': () => unwrap(outcome((done) => typed.get({ key: 'k' }, done))),
    'ts-proto server stream': () => versionsOf(typed.watch(watchRequest)),
    'ts-proto client stream': () =>
      unwrap(
        outcome<GetResponse>((done) => {
          const call = typed.load((error, response) =>
            done(error, error ? undefined : { ...response, found: true, value: Buffer.alloc(0) }),
          );
          void feed(call);
        }),
      ),
    'ts-proto bidi': () => {
      const call = typed.chat();
      void feed(call);
      return versionsOf(call);
    },
    'proto-loader unary': () => unwrap(outcome((done) => method(loaded, 'get')({ key: 'k' }, done))),
    'proto-loader server stream': () => versionsOf(method(loaded, 'watch')(watchRequest)),
    'proto-loader client stream': () => unwrap(outcome((done) => void feed(method(loaded, 'load')(done)))),
    'proto-loader bidi': () => {
      const call = method(loaded, 'chat')();
      void feed(call);
      return versionsOf(call);
    },
    'promise unary': async () => [(await client.get({ key: 'k' })).servedBy],
    'promise server stream': () => versionsOf(client.watch(watchRequest)),
    'promise client stream': async () => [(await client.load(slowRequests())).servedBy],
    'promise bidi': () => versionsOf(client.chat(slowRequests())),
  };
}

test('no call fails, goes to a generation that had left, or is torn, over 50 swaps', async () => {
  const route = new SwapChannel({ name: 'kv' });
  onCleanUp(() => route.close());
  let serving = await startGeneration(1);
  let { generation } = route.swap(serving);
  const generations = [generation];
  const typed = createStub(KvClient, route.facade());
  const loaded = createStub(await loadedKvClient(), route.facade());
  const client = createPromiseClient(KvDefinition, route.facade());

  const ledger = new Ledger(route);
  const perLoop: Record<string, number> = {};
  let running = true;
  // Where something fails: a loop without end would take all of the memory.
  onCleanUp(() => {
    running = false;
  });
  const callers = Object.entries(loops(typed, loaded, client)).flatMap(([what, call]) =>
    // More callers for unary calls, as in life.
    Array.from({ length: what.endsWith('unary') ? 5 : 2 }, async () => {
      const expected = /server stream|bidi/.test(what) ? STREAM_LENGTH : 1;
      while (running) {
        await ledger.enter(what, expected, call);
        perLoop[what] = (perLoop[what] ?? 0) + 1;
      }
    }),
  );

  const drains: Promise<void>[] = [];
  for (let number = 2; number <= SWAPS + 1; number++) {
    const next = await startGeneration(number);
    const swapped = route.swap(next);
    const { previous } = swapped;
    expect(previous).toBe(generation);
    const old = serving;
    drains.push(
      generation.drain(10_000).then((result) => {
        expect(result.cut).toBe(0);
        // What a host does then: nothing of the old generation is left that a late call could still reach.
        old.channel.close();
        old.server.forceShutdown();
      }),
    );
    serving = next;
    generation = swapped.generation;
    generations.push(generation);
    await sleep(15);
    // However slow the machine: a generation that no call went to would prove nothing.
    while (generation.statistics.started === 0) await sleep(1);
  }
  while (Object.keys(perLoop).length < 12 || Object.values(perLoop).some((count) => count <= 10))
    await sleep(5);
  running = false;
  await Promise.all([...callers, ...drains]);

  expect(ledger.wrong).toEqual([]);
  const total = { started: 0, ended: 0, cut: 0, lost: 0 };
  for (const { statistics } of generations) {
    total.started += statistics.started;
    total.ended += statistics.ended;
    total.cut += statistics.cut;
    total.lost += statistics.lost;
    expect(statistics.started).toBeGreaterThan(0);
  }
  expect(total).toEqual({ started: ledger.calls, ended: ledger.calls, cut: 0, lost: 0 });
}, 60_000);

test('held between two generations, calls wait and none fails or is answered by the old one', async () => {
  const route = new SwapChannel({ name: 'kv' });
  onCleanUp(() => route.close());
  let { generation } = route.swap(await startGeneration(1));
  const typed = createStub(KvClient, route.facade());
  const loaded = createStub(await loadedKvClient(), route.facade());
  const client = createPromiseClient(KvDefinition, route.facade());
  const ledger = new Ledger(route);
  let running = true;
  // Where something fails: a loop without end would take all of the memory.
  onCleanUp(() => {
    running = false;
  });
  const callers = Object.entries(loops(typed, loaded, client)).map(async ([what, call]) => {
    const expected = /server stream|bidi/.test(what) ? STREAM_LENGTH : 1;
    while (running) await ledger.enter(what, expected, call);
  });
  for (let number = 2; number <= 11; number++) {
    const next = await startGeneration(number);
    route.hold();
    await generation.drain(10_000);
    const { started } = generation.statistics;
    await until(() => route.heldCount > 0, 'a call is held');
    await sleep(10);
    expect(generation.statistics.started).toBe(started);
    ({ generation } = route.swap(next));
    route.release();
    await until(() => generation.statistics.longestWaitMs > 5, 'who was held is served');
  }
  running = false;
  await Promise.all(callers);
  expect(ledger.wrong).toEqual([]);
}, 60_000);
