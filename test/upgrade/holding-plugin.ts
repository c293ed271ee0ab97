// A plugin that holds resources of all kinds, and writes down what it is told of them: bundled and run by the test beside it.
import { appendFileSync, rmSync, writeFileSync } from 'node:fs';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { definePlugin, serve } from '@plugd/sdk';

const {
  HOLDING_VERSION: version = '1.0.0',
  HOLDING_LOG: log = '',
  HOLDING_LOCK: lock = '',
  HOLDING_FAULT: fault,
} = process.env;
const say = (text: string): void => appendFileSync(log, `${version} ${text}\n`);

/** What is exclusive is a file which another one can't make while it is there. */
function take(): void {
  if (fault === 'no activation') throw new Error('as it was told');
  writeFileSync(lock, '', { flag: 'wx' });
  say('took the lock');
}

const plugin = definePlugin({
  name: 'holding',
  version,
  handshake: { cookie: ['KV_PLUGIN', 'hello'], protocolVersions: [1, 2] },
  resources: { config: 'shared', lock: 'exclusive', cache: 'per-generation', connections: 'leased' },
  setup(ctx) {
    ctx.onActivate(take);
    ctx.onResume(({ released }) => {
      if (released.includes('lock')) take();
    });
    ctx.onRelease((names) => {
      if (fault === 'no release') throw new Error('as it was told');
      say(`released ${names.join(', ')}`);
      if (names.includes('lock')) rmSync(lock);
    });
    ctx.service(KvDefinition, {
      get: () => ({ found: false, servedBy: version, pid: process.pid }),
      put: () => ({}),
      async *watch() {},
      load: () => ({}),
      async *chat() {},
    });
  },
});

void serve(plugin);
