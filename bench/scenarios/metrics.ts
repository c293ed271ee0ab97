import { get } from 'node:http';
import { performance } from 'node:perf_hooks';
import { Contract } from '../../host/src/contract/contract';
import { DaemonMetrics, type MeasuredHost } from '../../host/src/metrics/daemon-metrics';
import { MetricsServer } from '../../host/src/metrics/metrics-server';
import type { PluginSnapshot } from '../../host/src/plugin-snapshot';
import type { HostCallMeter } from '../../host/src/routing/call-meter';
import { noCalls } from '../../host/src/routing/endpoint';
import { type Figures, median, quantile, type Scenario } from '../harness';

const PLUGINS = 1_000;
const METHODS = ['Get', 'Put'];
const SCRAPES = 60;
const CALLS = 1_000_000;

/** What Prometheus asks of a daemon with a thousand plugins, each of which has had calls of two methods. */
export const metrics: Scenario = {
  name: 'metrics',
  about: `a scrape of ${PLUGINS} plugins, and what it costs to count a call`,
  async run({ progress, table }) {
    const meters: HostCallMeter[] = [];
    const host = hostOf(PLUGINS, meters);
    const measured = new DaemonMetrics({ host, version: '0.0.0' });
    const server = await MetricsServer.open(measured, { port: 0 }, (error) => {
      throw error;
    });
    try {
      const call = meters[0];
      if (call === undefined) throw new Error('nobody hears of calls');
      for (let plugin = 0; plugin < PLUGINS; plugin++)
        for (const method of METHODS) call(`plugin-${plugin}`, pathOf(method), 1, 0, 3, 1);
      const scrapes: number[] = [];
      const blocks: number[] = [];
      const cpu: number[] = [];
      let text = '';
      for (let i = -5; i < SCRAPES; i++) {
        progress(`scrape ${Math.max(0, i + 1)} of ${SCRAPES}`);
        const before = process.cpuUsage();
        const { body, elapsedMs, longestMs } = await scrape(server.target);
        const { user, system } = process.cpuUsage(before);
        text = body;
        if (i < 0) continue;
        scrapes.push(elapsedMs);
        blocks.push(longestMs);
        cpu.push((user + system) / 1000);
      }
      const perCallUs = costOf(call);
      const series = text.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length;
      const figures: Figures = {
        plugins: PLUGINS,
        series,
        text_kib: Buffer.byteLength(text) / 1024,
        scrape_median_ms: median(scrapes),
        scrape_p95_ms: quantile(scrapes, 0.95),
        scrape_cpu_median_ms: median(cpu),
        longest_block_median_ms: median(blocks),
        count_a_call_us: perCallUs,
      };
      table([
        ['plugins', 'series', 'KiB', 'scrape ms', 'p95 ms', 'CPU ms', 'longest block ms', 'per call µs'],
        [
          String(PLUGINS),
          String(series),
          figures['text_kib']?.toFixed(0) ?? '',
          median(scrapes).toFixed(1),
          quantile(scrapes, 0.95).toFixed(1),
          median(cpu).toFixed(1),
          median(blocks).toFixed(1),
          perCallUs.toFixed(2),
        ],
        ['target', '', '', '< 100', '', '', '', ''],
      ]);
      return figures;
    } finally {
      await server.close();
      measured.close();
    }
  },
};

const service = 'samples.kv.v1.Kv';
const pathOf = (method: string): string => `/${service}/${method}`;

/** A host that is still: only what is told of it costs. What its processes use is read of this one, a thousand times. */
function hostOf(count: number, meters: HostCallMeter[]): MeasuredHost {
  const methods = METHODS.map((name) => ({
    ...{ name, path: pathOf(name), requestStream: false, responseStream: false },
    ...({ idempotency: 'unknown', levelStated: false, inputType: undefined, outputType: undefined } as const),
  }));
  const contract = new Contract({ services: [{ name: service, methods }] });
  const plugins = Array.from({ length: count }, (_, i) => pluginOf(`plugin-${i}`));
  return {
    snapshot: () => ({
      time: Date.now(),
      plugins,
      stalls: { stalls: 0, lateMs: 0, longestMs: 0, sleeps: 0, multiplier: 1 },
      events: { emitted: 0, listenersFailed: 0 },
    }),
    observeCalls: (meter) => {
      meters.push(meter);
      return () => {};
    },
    plugin: () => ({ contract }),
    on: () => {},
    off: () => {},
  };
}

function pluginOf(name: string): PluginSnapshot {
  const about = { state: 'serving', version: '1.0.0', generation: 1 } as const;
  const instance = { id: `${name}-1-1`, pid: process.pid, address: '', inFlight: 1, startedAt: 0 };
  return {
    ...about,
    name,
    protocolVersion: 1,
    instances: [{ ...instance, ...about }],
    statistics: {
      calls: noCalls,
      held: { held: 0, heldEver: 0, heldMost: 0, refused: 0, expired: 0 },
      restarts: {
        lost: { crash: 0, unhealthy: 0, 'connection-lost': 0, limit: 0 },
        restarts: 0,
        failedStarts: 0,
        givenUp: 0,
        recoverMs: undefined,
      },
    },
  };
}

/** From the request to the end of the answer; and for how long at most other work of the process had to wait. */
async function scrape(target: string): Promise<{ body: string; elapsedMs: number; longestMs: number }> {
  let longestMs = 0;
  let last = performance.now();
  let immediate: NodeJS.Immediate | undefined;
  const look = (): void => {
    const now = performance.now();
    longestMs = Math.max(longestMs, now - last);
    last = now;
    immediate = setImmediate(look);
  };
  look();
  const begin = performance.now();
  try {
    const parts = await new Promise<Buffer[]>((resolve, reject) => {
      get(target, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => resolve(chunks));
      }).on('error', reject);
    });
    const elapsedMs = performance.now() - begin;
    return { body: Buffer.concat(parts).toString('utf8'), elapsedMs, longestMs };
  } finally {
    clearImmediate(immediate);
  }
}

function costOf(call: HostCallMeter): number {
  const path = pathOf('Get');
  const rounds = (): number => {
    const begin = performance.now();
    for (let i = 0; i < CALLS; i++) call('plugin-7', path, 1, 0, 0.7, 0);
    return ((performance.now() - begin) * 1000) / CALLS;
  };
  return Math.min(rounds(), rounds(), rounds());
}
