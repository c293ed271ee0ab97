// A plugin that answers with what it has read from its standard input, once that has ended.
const { definePlugin, serve } = require('@plugd/sdk');
const { KvDefinition } = require('@plugd/protocol/gen/samples/kv/v1/kv');

let text = '';
const ended = new Promise((resolve) => {
  process.stdin.on('end', resolve).on('data', (chunk) => {
    text += chunk;
  });
});

serve(
  definePlugin({
    name: 'stdin-reader',
    version: '1.0.0',
    handshake: { cookie: ['KV_PLUGIN', 'hello'], protocolVersions: [1] },
    setup(ctx) {
      ctx.service(KvDefinition, {
        async get() {
          await ended;
          return { found: true, value: Buffer.from(text) };
        },
        put: () => ({}),
        async *watch() {},
        load: () => ({}),
        async *chat() {},
      });
    },
  }),
);
