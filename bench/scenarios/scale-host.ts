import { setTimeout as sleep } from 'node:timers/promises';
import { createHost, type Host } from '@plugd/host';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { measure } from '../harness';
import { type Language, sample } from './samples';

/** How many plugins of each language. */
export type Counts = Readonly<Partial<Record<Language, number>>>;

export interface ScaleOrder {
  readonly counts: Counts;
  readonly autoMtls: boolean;
  readonly idleMs: number;
}

/** What the process of the host uses, in bytes. */
export interface Memory {
  readonly resident: number;
  /** Live objects and the buffers outside of the heap, after a collection. */
  readonly live: number;
}

export interface ScaleResult {
  /** Of a host that has just been made. */
  readonly fresh: Memory;
  /** Of one that has loaded, called and stopped plugins, and has none. */
  readonly warm: Memory;
  readonly loaded: Memory;
  readonly loadMs: number;
  readonly idleCpuPercent: number;
  readonly stopMs: number;
  readonly pids: readonly number[];
}

const CONCURRENCY = 8;
/**
 * Makes the host warm, so that its code counts for no plugin, nor does the room that V8 gives to new objects: it
 * grows by what passes through it, to some 50 MiB, whether that is calls or plugins, and once for all.
 */
const WARM_UP_PER_LANGUAGE = 16;
const WARM_UP_CALLS = 20_000;
const WARM_UP_LOOPS = 64;
const SETTLE_MS = 1_000;
/** Until the plugins count as idle: each is asked how it is twice, since it was called once. */
const REST_MS = 12_000;

/** The process of the host: takes one order, says how far it is, answers with the result and ends. */
export async function serveScale(): Promise<void> {
  process.once('disconnect', () => process.exit());
  const order = await new Promise<ScaleOrder>((resolve) => process.once('message', resolve));
  const result = await fill(order, (text) => process.send?.({ progress: text }));
  process.send?.({ result }, () => process.disconnect());
}

async function fill(order: ScaleOrder, progress: (text: string) => void): Promise<ScaleResult> {
  const host = await createHost();
  try {
    progress('warming up');
    const fresh = await memory();
    await warmUp(host, order);
    const warm = await memory();
    const { elapsedMs: loadMs } = await measure(() =>
      loadAll(host, order.counts, order.autoMtls, (count) => progress(`${count} plugins loaded`)),
    );
    const loaded = await memory();
    progress(`idle for ${order.idleMs} ms`);
    await sleep(REST_MS);
    const { cpuMs, elapsedMs } = await measure(() => sleep(order.idleMs));
    const pids = host.plugins().flatMap((plugin) => plugin.status().instances.map(({ pid }) => pid));
    progress('stopping');
    const { elapsedMs: stopMs } = await measure(() => host.close());
    return { fresh, warm, loaded, loadMs, idleCpuPercent: (cpuMs / elapsedMs) * 100, stopMs, pids };
  } finally {
    await host.close();
  }
}

async function warmUp(host: Host, { counts, autoMtls }: ScaleOrder): Promise<void> {
  const few = Object.entries(counts).map(([language, count]) => [
    language,
    Math.min(WARM_UP_PER_LANGUAGE, count),
  ]);
  await loadAll(host, Object.fromEntries(few), autoMtls, () => {});
  const clients = host.plugins().map((plugin) => plugin.client(KvDefinition));
  let left = WARM_UP_CALLS;
  const loop = async (): Promise<void> => {
    while (left-- > 0) await clients[left % clients.length]?.get({ key: 'key' });
  };
  await Promise.all(Array.from({ length: WARM_UP_LOOPS }, loop));
  await Promise.all(host.plugins().map((plugin) => plugin.stop()));
}

/** Each plugin is called once: one that was never called would cost less than one in use. */
async function loadAll(
  host: Host,
  counts: Counts,
  autoMtls: boolean,
  onCount: (count: number) => void,
): Promise<void> {
  const languages: readonly Language[] = ['go', 'ts'];
  const left = languages.flatMap((language) => Array<Language>(counts[language] ?? 0).fill(language));
  let count = 0;
  const worker = async (): Promise<void> => {
    for (let language = left.pop(); language !== undefined; language = left.pop()) {
      const plugin = await host.load({ name: `kv-${left.length}`, ...sample(language), autoMtls });
      await plugin.client(KvDefinition).get({ key: 'key' });
      if (++count % 25 === 0) onCount(count);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
}

async function memory(): Promise<Memory> {
  await sleep(SETTLE_MS);
  // More than once: what a finalizer lets go of falls to the next collection.
  for (let round = 0; round < 3; round++) {
    globalThis.gc?.();
    await sleep(20);
  }
  const { rss, heapUsed, external } = process.memoryUsage();
  return { resident: rss, live: heapUsed + external };
}
