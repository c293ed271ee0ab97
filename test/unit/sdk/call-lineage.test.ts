import { setImmediate as turn } from 'node:timers/promises';
import { credentials, Metadata } from '@grpc/grpc-js';
import {
  AddHelperClient,
  AddHelperDefinition,
  CounterDefinition,
  CounterSessionDefinition,
} from '@plugd/protocol/gen/samples/counter/v1/counter';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import type { CallOptions } from '@plugd/protocol/rpc/call-options';
import { createPromiseClient } from '@plugd/protocol/rpc/client';
import { LINEAGE_KEY } from '@plugd/protocol/rpc/lineage';
import { definePlugin, type PluginContext } from '@plugd/sdk';
import { startPlugin, type TestPlugin } from '@plugd/sdk/testing';
import { collect } from '../rpc/local-kv';

const lineage = (text: string): CallOptions => ({ metadata: { [LINEAGE_KEY]: text } });

/** Asks the host for a sum, over a channel to its helper that stays open. */
class Helper {
  #channel: ReturnType<PluginContext['broker']['dial']> | undefined;

  constructor(private readonly broker: PluginContext['broker']) {}

  async sum(id: number, options?: CallOptions): Promise<void> {
    this.#channel ??= this.broker.dial(id);
    await createPromiseClient(AddHelperDefinition, await this.#channel).sum({}, options);
  }

  /** The same through a generated stub, which calls back. */
  async sumByStub(id: number): Promise<void> {
    this.#channel ??= this.broker.dial(id);
    const channelOverride = await this.#channel;
    const stub = new AddHelperClient('unused', credentials.createInsecure(), { channelOverride });
    await new Promise<void>((resolve, reject) =>
      stub.sum({ a: 1, b: 1 }, (error) => (error ? reject(error) : resolve())),
    );
  }
}

// Every method calls the helper, whose id travels in the key.
const plugin = definePlugin({
  name: 'relay',
  version: '1.0.0',
  handshake: { cookie: ['RELAY', 'hello'], protocolVersions: [1] },
  setup(ctx) {
    const helper = new Helper(ctx.broker);
    ctx.service(CounterDefinition, {
      async put({ key, helper: id }) {
        if (key === 'own word') await helper.sum(id, lineage('mine=7'));
        else await helper.sumByStub(id);
        return {};
      },
      get: () => ({}),
      open: async () => ({
        session: await ctx.broker.serve(CounterSessionDefinition, {
          async read({ key }) {
            await helper.sum(Number(key));
            return {};
          },
        }),
      }),
    });
    ctx.service(KvDefinition, {
      async get({ key }) {
        await turn();
        await helper.sum(Number(key));
        return {};
      },
      async put({ key }) {
        // Goes on after the answer; the test may have ended before the helper's.
        setImmediate(() => void helper.sum(Number(key)).catch(() => {}));
        return {};
      },
      async *watch({ key, count }) {
        for (let i = 0; i < count; i++) {
          await helper.sum(Number(key));
          yield {};
        }
      },
      async load(requests) {
        for await (const { key } of requests) await helper.sum(Number(key));
        return {};
      },
      async *chat(requests) {
        for await (const { text } of requests) {
          await helper.sum(Number(text));
          yield {};
        }
      },
    });
  },
});

let running: TestPlugin;
let helper: number;
/** What the calls back said that they descend from. */
let seen: (string | undefined)[];
let heard: () => void;

beforeEach(async () => {
  running = await startPlugin(plugin);
  seen = [];
  heard = () => {};
  helper = await running.broker.serve(AddHelperDefinition, {
    sum: (_terms, { metadata }) => {
      seen.push(metadata.get(LINEAGE_KEY).map(String)[0]);
      heard();
      return {};
    },
  });
});
afterEach(() => running.stop());

test('handlers of all kinds hand the lineage of their call on to their calls to the host', async () => {
  const kv = running.client(KvDefinition);
  const key = String(helper);
  await kv.get({ key }, lineage('A=1'));
  await collect(kv.watch({ key, count: 2 }, lineage('A=2')));
  await kv.load([{ key }, { key }], lineage('A=3,B=1'));
  await collect(kv.chat([{ text: key }, { text: key }], lineage('A=4')));
  expect(seen).toEqual(['A=1', 'A=2', 'A=2', 'A=3,B=1', 'A=3,B=1', 'A=4', 'A=4']);
});

test('calls at the same time keep their lineages apart', async () => {
  const kv = running.client(KvDefinition);
  const texts = Array.from({ length: 20 }, (_, i) => (i % 4 === 3 ? undefined : `A=${i + 1}`));
  await Promise.all(
    texts.map((text) => kv.get({ key: String(helper) }, text === undefined ? {} : lineage(text))),
  );
  const inOrder = (all: readonly (string | undefined)[]) => all.map(String).sort();
  expect(inOrder(seen)).toEqual(inOrder(texts));
});

test('a call without a lineage, or with one that can’t be read, has none to hand on', async () => {
  const kv = running.client(KvDefinition);
  const key = String(helper);
  await kv.get({ key });
  await kv.get({ key }, lineage('A=1'));
  await kv.get({ key });
  await kv.get({ key }, lineage('A=1, B=1'));
  expect(seen).toEqual([undefined, 'A=1', undefined, undefined]);
});

test('what a handler leaves running after its answer descends from nothing', async () => {
  const called = new Promise<void>((resolve) => {
    heard = resolve;
  });
  await running.client(KvDefinition).put({ key: String(helper) }, lineage('A=1'));
  await called;
  expect(seen).toEqual([undefined]);
});

test('an author’s own word stands, and generated stubs carry the lineage as well', async () => {
  const counter = running.client(CounterDefinition);
  await counter.put({ key: 'own word', helper }, lineage('A=1'));
  await counter.put({ key: 'by stub', helper }, lineage('A=1'));
  await counter.put({ key: 'by stub', helper });
  expect(seen).toEqual(['mine=7', 'A=1', undefined]);
});

test('services that the plugin serves over its broker hand on the lineage of each call', async () => {
  const { session } = await running.client(CounterDefinition).open({}, lineage('served=1'));
  const channel = await running.broker.dial(session);
  const client = createPromiseClient(CounterSessionDefinition, channel);
  const key = String(helper);
  await client.read({ key }, lineage('A=1'));
  // Not that of the call in which it was served.
  await client.read({ key });
  await client.read({ key }, { metadata: new Metadata() });
  expect(seen).toEqual(['A=1', undefined, undefined]);
  channel.close();
});
