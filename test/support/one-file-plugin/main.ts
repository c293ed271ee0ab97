import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { definePlugin, serve } from '@plugd/sdk';
import { greeting } from './chatty';
import { fail } from './failing';

/** Set when it is built. */
declare const PLUGIN_VERSION: string;

if (process.env['FAIL_AT_IMPORT'] !== undefined) fail({ key: 'at import' });

const plugin = definePlugin({
  name: 'one-file',
  version: PLUGIN_VERSION,
  handshake: { cookie: ['KV_PLUGIN', 'hello'], protocolVersions: [1] },
  setup(ctx) {
    ctx.service(KvDefinition, {
      get({ key }) {
        if (key === 'fail') fail({ key });
        return { found: true, value: Buffer.from(`${greeting} ${key}`), servedBy: PLUGIN_VERSION };
      },
      put: () => ({ servedBy: import.meta.url }),
      async *watch() {},
      load: () => ({}),
      async *chat() {},
    });
  },
});

void serve(plugin);
