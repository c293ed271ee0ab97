// A version of the key-value sample that a canary must find: one of twenty answers comes late.
import '@plugd/sdk/guard';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { definePlugin, serve } from '@plugd/sdk';

const LATE_EVERY = 20;
const LATE_MS = 1_500;

const version = '3.0.0';
const signature = { servedBy: version, pid: process.pid };
let calls = 0;

async function answer() {
  if (++calls % LATE_EVERY === 0) await sleep(LATE_MS);
  return signature;
}

const plugin = definePlugin({
  name: 'kv',
  version,
  handshake: { cookie: ['KV_PLUGIN', 'hello'], protocolVersions: [1, 2] },
  setup(ctx) {
    ctx.service(KvDefinition, {
      get: async () => ({ found: false, ...(await answer()) }),
      put: () => answer(),
      async *watch({ count, intervalMs, after = 0 }, call) {
        for (let sequence = after + 1; sequence <= count && !call.signal.aborted; sequence++) {
          if (sequence > 1) await sleep(intervalMs);
          yield { sequence, ...signature };
        }
      },
      async load(requests) {
        let stored = 0;
        for await (const _ of requests) stored++;
        return { stored, ...signature };
      },
      async *chat(requests) {
        for await (const { sequence, text } of requests) yield { sequence, text, ...signature };
      },
    });
  },
});

void serve(plugin);
