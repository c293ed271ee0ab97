import { setTimeout as sleep } from 'node:timers/promises';
import { Metadata } from '@grpc/grpc-js';
import type { Plugin } from '@plugd/host';
import {
  AddHelperDefinition,
  CounterDefinition,
  CounterSessionDefinition,
} from '@plugd/protocol/gen/samples/counter/v1/counter';
import { KvClient, KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { PrintRequest_Target, ProbeDefinition } from '@plugd/protocol/gen/samples/probe/v1/probe';
import { createPromiseClient } from '@plugd/protocol/rpc/client';
import type { Gate } from './gate';
import type { Tally } from './tally';

interface Caller {
  readonly what: string;
  /** Whether the contract says that it may be executed twice: then nobody may see it fail. */
  readonly repeatable: boolean;
  readonly call: (i: number) => Promise<void>;
}

const limits = { timeoutMs: 20_000 };
const value = Buffer.alloc(64, 'v');
const streamLength = 5;

/** Light load of every kind: what is soaked is the host, not the processor. */
export class SoakLoad {
  #running = true;
  readonly #loops: Promise<void>[];

  constructor(plugins: readonly Plugin[], tally: Tally, gate: Gate, pauseMs: number) {
    const callers = plugins.flatMap((plugin) =>
      (plugin.name.startsWith('counter') ? counterCallers(plugin) : kvCallers(plugin)).map((caller) => ({
        ...caller,
        what: `${plugin.name} ${caller.what}`,
      })),
    );
    this.#loops = callers.map(async ({ what, repeatable, call }) => {
      for (let i = 0; this.#running; i++) {
        await gate.pass(async () => void (await tally.enter(what, repeatable, () => call(i))));
        await sleep(pauseMs);
      }
    });
  }

  async stop(): Promise<void> {
    this.#running = false;
    await Promise.all(this.#loops);
  }
}

function kvCallers(plugin: Plugin): Caller[] {
  const client = plugin.client(KvDefinition);
  const probe = plugin.client(ProbeDefinition);
  return [
    { what: 'get', repeatable: true, call: async () => void (await client.get({ key: 'k' }, limits)) },
    {
      what: 'put',
      repeatable: true,
      call: async (i) => void (await client.put({ key: `k${i % 10}`, value }, limits)),
    },
    {
      what: 'get of a stub of its own',
      repeatable: true,
      call: async () => {
        const stub = plugin.stub(KvClient);
        await new Promise<void>((resolve, reject) => {
          const deadline = Date.now() + limits.timeoutMs;
          stub.get({ key: 'k' }, new Metadata(), { deadline }, (error) =>
            error ? reject(error) : resolve(),
          );
        });
        stub.close();
      },
    },
    {
      what: 'watch',
      repeatable: false,
      call: async () => {
        let messages = 0;
        const request = { key: 'k', count: streamLength, intervalMs: 10 };
        for await (const { sequence } of client.watch(request, limits)) {
          if (sequence !== ++messages) throw new Error('a message came in the place of another');
        }
        if (messages !== streamLength) throw new Error('messages are missing');
      },
    },
    {
      what: 'load',
      repeatable: false,
      call: async () => {
        const { stored } = await client.load(several({ key: 'k', value }), limits);
        if (stored !== streamLength) throw new Error('messages are missing');
      },
    },
    {
      what: 'chat that is left',
      repeatable: false,
      call: async () => {
        for await (const _ of client.chat(several({ sequence: 1, text: 't' }), limits)) break;
      },
    },
    {
      what: 'print',
      repeatable: false,
      call: async (i) => {
        const target = i % 2 === 0 ? PrintRequest_Target.TARGET_STDOUT : PrintRequest_Target.TARGET_STDERR;
        await probe.print({ target, text: 'printed\n' }, limits);
      },
    },
  ];
}

function counterCallers(plugin: Plugin): Caller[] {
  const client = plugin.client(CounterDefinition);
  return [
    { what: 'get', repeatable: true, call: async () => void (await client.get({ key: 'k0' }, limits)) },
    {
      what: 'call back',
      repeatable: false,
      call: (i) =>
        plugin.pinned(async (scope) => {
          const helper = await scope.broker.serve(AddHelperDefinition, {
            sum: async ({ a, b }) => ({ r: a + b }),
          });
          const counter = scope.client(CounterDefinition);
          await counter.put({ key: `k${i % 10}`, value: 1, helper }, limits);
          const { session } = await counter.open({}, limits);
          const channel = await scope.broker.dial(session);
          await createPromiseClient(CounterSessionDefinition, channel).read({ key: 'k0' }, limits);
        }),
    },
  ];
}

async function* several<T>(message: T): AsyncGenerator<T, void, undefined> {
  for (let i = 0; i < streamLength; i++) {
    yield message;
    await sleep(5);
  }
}
