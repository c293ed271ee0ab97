import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { getHeapCodeStatistics } from 'node:v8';
import { childrenOf } from '../support/processes';

/** What this process holds while nobody works. */
export interface Reading {
  /** Since the begin, in seconds. */
  readonly seconds: number;
  /** Processes that were replaced so far. */
  readonly restarts: number;
  readonly rssBytes: number;
  /** After a collection of garbage; so are the next three. */
  readonly heapBytes: number;
  /** What of the heap is code, which V8 compiles anew, to other kinds of code, as long as it learns. */
  readonly codeBytes: number;
  readonly externalBytes: number;
  readonly descriptors: number;
  /** What keeps the event loop alive, by kind; timers are counted apart, since they come and go by themselves. */
  readonly handles: Readonly<Record<string, number>>;
  readonly timers: number;
  readonly children: number;
  /** In the run directory, at any depth. */
  readonly files: number;
}

/** Closing takes some ticks and timers of Node's and grpc-js's own. */
const settleMs = 400;
/** The least of several looks: between them something of the host's own may just be open. */
const looks = 5;
const betweenMs = 40;

/** Measures this process; to be called when it rests. */
export async function takeReading(
  about: Pick<Reading, 'seconds' | 'restarts'>,
  runDir: string,
): Promise<Reading> {
  const { gc } = globalThis;
  if (gc === undefined) throw new Error('to be run with --expose-gc');
  await sleep(settleMs);
  // What the first one finds by its finalizers is there for the second one.
  gc();
  await sleep(betweenMs);
  gc();
  const { heapUsed, external } = process.memoryUsage();
  const rssBytes = residentBytes();
  const seen: Pick<Reading, 'descriptors' | 'handles' | 'timers'>[] = [];
  for (let look = 0; look < looks; look++) {
    seen.push({ descriptors: readdirSync('/proc/self/fd').length, ...activeHandles() });
    await sleep(betweenMs);
  }
  const least = seen.reduce((one, other) => (weight(other) < weight(one) ? other : one));
  return {
    ...about,
    rssBytes,
    heapBytes: heapUsed,
    codeBytes: getHeapCodeStatistics().code_and_metadata_size,
    externalBytes: external,
    ...least,
    children: childrenOf(process.pid).length,
    files: readdirSync(runDir, { recursive: true }).length,
  };
}

function weight({
  descriptors,
  handles,
  timers,
}: Pick<Reading, 'descriptors' | 'handles' | 'timers'>): number {
  return descriptors + timers + Object.values(handles).reduce((sum, count) => sum + count, 0);
}

function residentBytes(): number {
  const [, kib] = /^VmRSS:\s*(\d+) kB/m.exec(readFileSync('/proc/self/status', 'latin1')) ?? [];
  return Number(kib) * 1024;
}

function activeHandles(): Pick<Reading, 'handles' | 'timers'> {
  const handles: Record<string, number> = {};
  let timers = 0;
  for (const kind of process.getActiveResourcesInfo()) {
    if (kind === 'Timeout' || kind === 'Immediate') timers++;
    else handles[kind] = (handles[kind] ?? 0) + 1;
  }
  return { handles, timers };
}
