import { readFileSync } from 'node:fs';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { definePlugin, serve } from '@plugd/sdk';

/** A store that answers for one key alone, and describes itself by the descriptors that it is given. */
const { DESCRIBED_VERSION: version = '1.0.0', DESCRIBED_BY } = process.env;

void serve(
  definePlugin({
    name: 'described',
    version,
    handshake: { cookie: ['KV_PLUGIN', 'hello'], protocolVersions: [1, 2] },
    ...(DESCRIBED_BY === undefined ? {} : { descriptors: readFileSync(DESCRIBED_BY) }),
    setup(ctx) {
      ctx.service(KvDefinition, {
        get: () => ({ found: true, servedBy: version, pid: process.pid }),
        put: () => ({}),
        async *watch() {},
        load: () => ({}),
        async *chat() {},
      });
    },
  }),
);
