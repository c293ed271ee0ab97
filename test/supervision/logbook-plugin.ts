// A plugin that writes down every call that it executes, before it does anything else for it, in a file that outlives
// its processes: bundled and run by the tests beside it, which read the file with Logbook.
import { appendFileSync, existsSync, writeSync } from 'node:fs';
import { CounterDefinition } from '@plugd/protocol/gen/samples/counter/v1/counter';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { definePlugin, serve } from '@plugd/sdk';

const { LOGBOOK = '', LOGBOOK_GATE = '' } = process.env;
const { pid } = process;
const servedBy = '1.0.0';

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** A key says what becomes of the process that executes it. */
function execute(method: string, key: string): void {
  appendFileSync(LOGBOOK, `${pid} ${method} ${key}\n`);
  if (!key.startsWith('poison')) return;
  writeSync(2, `can't digest ${key}\n`);
  process.kill(pid, 'SIGKILL');
  // A process may run on for a moment before its own signal arrives.
  for (;;);
}

const plugin = definePlugin({
  name: 'logbook',
  version: servedBy,
  handshake: { cookie: ['KV_PLUGIN', 'hello'], protocolVersions: [1, 2] },
  async setup(ctx) {
    while (existsSync(LOGBOOK_GATE)) await sleep(20);
    const values = new Map<string, Buffer>();
    ctx.service(KvDefinition, {
      async get({ key }, call) {
        execute('get', key);
        if (key.startsWith('endless')) await aborted(call.signal);
        const value = values.get(key);
        return value === undefined ? { found: false, servedBy, pid } : { found: true, value, servedBy, pid };
      },
      put({ key, value }) {
        execute('put', key);
        values.set(key, value);
        return { servedBy, pid };
      },
      async *watch({ key, count, intervalMs }, call) {
        execute('watch', key);
        for (let sequence = 1; sequence <= count && !call.signal.aborted; sequence++) {
          yield { sequence, servedBy, pid };
          await sleep(intervalMs);
        }
      },
      async load(requests) {
        let stored = 0;
        for await (const { key } of requests) {
          execute('load', key);
          stored++;
        }
        return { stored, servedBy, pid };
      },
      async *chat(requests) {
        for await (const { sequence, text } of requests) {
          execute('chat', text);
          yield { sequence, text, servedBy, pid };
        }
      },
    });
    // Twice is not once here: no level. The value is how long it takes, in milliseconds.
    ctx.service(CounterDefinition, {
      async put({ key, value }, call) {
        execute('add', key);
        if (value > 0) await Promise.race([sleep(value), aborted(call.signal)]);
        return { value, servedBy, pid };
      },
      get({ key }) {
        execute('read', key);
        return { found: false, value: 0, servedBy, pid };
      },
      open: () => ({ session: 0, servedBy, pid }),
    });
  },
});

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

void serve(plugin);
