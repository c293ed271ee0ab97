// A plugin to a test's measure, with the SDK as it is published. TAILORED says as JSON what it does:
// { protocolVersions, serve, setup: 'throw' | 'hang', hooks: ['note' | 'throw' | 'hang'], crash: 'exception' | 'rejection' | 'exit',
//   modulesFile, descriptors }. `{version}` in a hook's note comes out in their order.
const { definePlugin, serve } = require('@plugd/sdk');
const { KvDefinition } = require('@plugd/protocol/gen/samples/kv/v1/kv');

const order = JSON.parse(process.env.TAILORED ?? '{}');

const plugin = definePlugin({
  name: 'tailored',
  version: '0.1.0',
  handshake: {
    cookie: order.cookie ?? ['KV_PLUGIN', 'hello'],
    protocolVersions: order.protocolVersions ?? [1],
  },
  ...(order.descriptors === undefined ? {} : { descriptors: order.descriptors }),
  async setup(ctx) {
    if (order.setupPrints !== undefined) console.error(order.setupPrints);
    if (order.setup === 'throw') throw new Error('the setup has failed');
    if (order.setup === 'hang') await new Promise(() => {});
    for (const [index, hook] of (order.hooks ?? []).entries()) {
      ctx.onShutdown(async () => {
        ctx.log.info(`hook ${index}`, { hook });
        if (hook === 'throw') throw new Error('the hook has failed');
        if (hook === 'hang') await new Promise(() => {});
      });
    }
    const fail = () => {
      throw Object.assign(new Error('no such thing'), { code: 5 });
    };
    ctx.service(KvDefinition, {
      get: ({ key }) => {
        if (key === 'plain') throw new Error('just an error');
        return fail();
      },
      // Goes on until its caller leaves, whatever the plugin is told.
      put: (_request, call) =>
        new Promise((_resolve, reject) => {
          call.signal.addEventListener('abort', () => reject(call.signal.reason));
        }),
      async *watch(_request, call) {
        yield { sequence: 1 };
        if (!call.draining.aborted) {
          await new Promise((resolve) => call.draining.addEventListener('abort', resolve));
        }
        yield { sequence: 2 };
        fail();
      },
      async load(requests) {
        for await (const _ of requests) fail();
        return {};
      },
      async *chat(requests) {
        for await (const { sequence, text } of requests) {
          yield { sequence, text };
          fail();
        }
      },
    });
  },
});

serve(plugin, order.serve).then(() => {
  if (order.modulesFile !== undefined) {
    require('node:fs').writeFileSync(order.modulesFile, JSON.stringify(Object.keys(require.cache)));
  }
  if (order.crash === 'exit') process.exit(7);
  if (order.crash === 'exception') {
    setTimeout(() => {
      console.error('last words on standard error');
      throw new Error('nobody caught this');
    }, 50);
  }
  if (order.crash === 'rejection') setTimeout(() => Promise.reject(new Error('nobody awaited this')), 50);
});
