import {
  AddHelperDefinition,
  CounterDefinition,
  CounterSessionDefinition,
} from '@plugd/protocol/gen/samples/counter/v1/counter';
import { createPromiseClient } from '@plugd/protocol/rpc/client';
import { definePlugin } from '@plugd/sdk';
import { startPlugin } from '@plugd/sdk/testing';

const plugin = definePlugin({
  name: 'adder',
  version: '1.0.0',
  handshake: { cookie: ['ADDER', 'hello'], protocolVersions: [1] },
  setup(ctx) {
    ctx.service(CounterDefinition, {
      async put({ value, helper }) {
        const channel = await ctx.broker.dial(helper);
        try {
          const { r } = await createPromiseClient(AddHelperDefinition, channel).sum({ a: 1, b: value });
          return { value: r };
        } finally {
          channel.close();
        }
      },
      get: () => ({}),
      open: async () => ({
        session: await ctx.broker.serve(CounterSessionDefinition, { read: () => ({ value: 3 }) }),
      }),
    });
  },
});

test('a plugin under test calls its test back', async () => {
  await using running = await startPlugin(plugin);
  const helper = await running.broker.serve(AddHelperDefinition, { sum: ({ a, b }) => ({ r: a + b }) });
  expect((await running.client(CounterDefinition).put({ value: 2, helper })).value).toBe(3);
});

test('a test dials what the plugin under test serves', async () => {
  await using running = await startPlugin(plugin);
  const { session } = await running.client(CounterDefinition).open({});
  const channel = await running.broker.dial(session);
  expect((await createPromiseClient(CounterSessionDefinition, channel).read({})).value).toBe(3);
});

test('a broker ends with the plugin under test', async () => {
  const running = await startPlugin(plugin);
  const { broker } = running;
  await running.stop();
  await expect(broker.dial(1)).rejects.toMatchObject({ code: 'BROKER_CLOSED' });
});
