// A host in a process of its own, whose memory is measured while its plugins flood it: bundled and run by
// host-faults-floods.test.ts. argv: the chaos plugin, a good plugin. On stdin a flood each line; answers with a line.
import { createInterface } from 'node:readline';
import { createHost, type Logger, type LogLevel } from '@plugd/host';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import type { FloodOrder, FloodResult } from './host-faults-flood';

const [, , chaos = '', good = ''] = process.argv;
const handshake = { cookie: ['KV_PLUGIN', 'hello'] as const, protocolVersions: [1, 2] };

let bytes = 0;
let records = 0;
const at =
  (_level: LogLevel) =>
  (message: string, fields: Readonly<Record<string, unknown>>): void => {
    records++;
    const dropped = fields['bytes'];
    bytes += typeof dropped === 'number' ? dropped : message.length;
  };
const logger: Logger = {
  trace: at('trace'),
  debug: at('debug'),
  info: at('info'),
  warn: at('warn'),
  error: at('error'),
};

async function main(): Promise<void> {
  await using host = await createHost({ logger });
  const neighbour = await host.load({ name: 'neighbour', version: '1.0.0', command: good, handshake });
  const kv = neighbour.client(KvDefinition);
  const calls = { answered: 0, failed: 0 };
  let over = false;
  const looping = (async () => {
    while (!over) {
      await kv.get({ key: 'k' }, { timeoutMs: 10_000 }).then(
        () => calls.answered++,
        () => calls.failed++,
      );
      await sleep(5);
    }
  })();
  for (let i = 0; i < 200; i++) await kv.get({ key: 'k' });
  process.stdout.write(`${JSON.stringify({ ready: true })}\n`);

  for await (const line of createInterface({ input: process.stdin })) {
    const order = JSON.parse(line) as FloodOrder;
    [bytes, records] = [0, 0];
    const before = { ...calls };
    const startRss = process.memoryUsage.rss();
    let peakRss = startRss;
    const watch = setInterval(() => {
      peakRss = Math.max(peakRss, process.memoryUsage.rss());
    }, 10);
    const loaded = await host
      .load({ name: 'flood', version: '1.0.0', command: chaos, env: { CHAOS: order.mode }, handshake })
      .catch((error: { code: string }) => error.code);
    const end = performance.now() + order.patienceMs;
    while (bytes < order.bytes && performance.now() < end) await sleep(10);
    const stopping = performance.now();
    if (typeof loaded !== 'string') {
      await loaded.client(KvDefinition).get({ key: 'k' }, { timeoutMs: 10_000 });
      await loaded.stop();
    }
    clearInterval(watch);
    const result: FloodResult = {
      outcome: typeof loaded === 'string' ? loaded : 'loaded',
      bytes,
      records,
      grownBytes: peakRss - startRss,
      stopMs: performance.now() - stopping,
      answered: calls.answered - before.answered,
      failed: calls.failed - before.failed,
    };
    process.stdout.write(`${JSON.stringify(result)}\n`);
  }
  over = true;
  await looping;
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

void main();
