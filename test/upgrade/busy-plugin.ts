// A plugin whose every answer is that it can't just now, after a while: bundled and run by drain.test.ts.
import { status } from '@grpc/grpc-js';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { definePlugin, RpcError, serve } from '@plugd/sdk';

const refuse = (): never => {
  throw new RpcError(status.UNAVAILABLE, 'not just now');
};

const plugin = definePlugin({
  name: 'busy',
  version: '1.0.0',
  handshake: { cookie: ['KV_PLUGIN', 'hello'], protocolVersions: [1, 2] },
  setup(ctx) {
    ctx.service(KvDefinition, {
      async get() {
        await new Promise((resolve) => setTimeout(resolve, 1_500));
        return refuse();
      },
      put: refuse,
      load: refuse,
      // biome-ignore lint/correctness/useYield: it never comes to an answer
      async *watch() {
        refuse();
      },
      // biome-ignore lint/correctness/useYield: it never comes to an answer
      async *chat() {
        refuse();
      },
    });
  },
});

void serve(plugin);
