// A plugin that does what its caller tells it to, good or bad: bundled and run by the tests beside it, through Moody.
import { existsSync, openSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { definePlugin, serve } from '@plugd/sdk';

const { MOODY_GATE = '', MOODY_VERSION = '1.0.0' } = process.env;
const signature = { servedBy: MOODY_VERSION, pid: process.pid };

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** What it was made to keep, so that nobody collects it. */
const eaten: Buffer[] = [];

/** What becomes of each `get`, for as long as the gate is shut. */
let mood: () => Promise<void> = async () => {};

const plugin = definePlugin({
  name: 'moody',
  version: MOODY_VERSION,
  handshake: { cookie: ['KV_PLUGIN', 'hello'], protocolVersions: [1, 2] },
  async setup(ctx) {
    while (existsSync(MOODY_GATE)) await sleep(20);
    ctx.onShutdown(() => ctx.log.info('left in order'));
    const deeds: Record<string, (argument: string) => void> = {
      exit: (code) => process.exit(Number(code)),
      signal: (name) => process.kill(process.pid, name),
      sick: () => ctx.health.set('plugin', 'NOT_SERVING'),
      eat: (megabytes) => void eaten.push(Buffer.alloc(Number(megabytes) * 1024 * 1024, 1)),
      open: (count) => {
        for (let i = 0; i < Number(count); i++) openSync('/dev/null', 'r');
      },
      // Beside the event loop: calls are answered meanwhile.
      burn: (threads) => {
        for (let i = 0; i < Number(threads); i++) new Worker('for (;;);', { eval: true }).unref();
      },
      fail: () => {
        mood = () => Promise.reject(new Error('as it was told'));
      },
      slow: (ms) => {
        mood = () => sleep(Number(ms));
      },
    };
    ctx.service(KvDefinition, {
      // The key is how long it takes, in milliseconds.
      async get({ key }) {
        if (existsSync(MOODY_GATE)) await mood();
        if (Number(key) > 0) await sleep(Number(key));
        return { found: false, ...signature };
      },
      put: () => signature,
      async *watch({ count, intervalMs }, call) {
        for (let sequence = 1; (count === 0 || sequence <= count) && !call.signal.aborted; sequence++) {
          yield { sequence, ...signature };
          await sleep(intervalMs);
        }
      },
      async load(requests) {
        let stored = 0;
        for await (const { key } of requests) {
          const [deed = '', argument = ''] = key.split(':');
          deeds[deed]?.(argument);
          stored++;
        }
        return { stored, ...signature };
      },
      async *chat(requests) {
        for await (const { sequence, text } of requests) yield { sequence, text, ...signature };
      },
    });
  },
});

void serve(plugin);
