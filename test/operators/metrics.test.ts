import { Client, credentials, type ServiceError, status } from '@grpc/grpc-js';
import type { Plugin } from '@plugd/host';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { DaemonMetrics } from '../../host/src/metrics/daemon-metrics';
import {
  growing,
  type ParsedFamily,
  parseExposition,
  type Sample,
  sampleOf,
  samplesOf,
} from '../support/exposition-parser';
import { HostRoom } from '../support/host-room';
import { poll } from '../support/poll';
import { kvTs } from '../support/samples';

let room: HostRoom;
let metrics: DaemonMetrics;

beforeEach(async () => {
  room = await HostRoom.open();
  metrics = new DaemonMetrics({ host: room.host, version: '0.0.0' });
});
afterEach(async () => {
  metrics.close();
  await room.close();
});

const scrape = async (): Promise<Map<string, ParsedFamily>> =>
  parseExposition((await metrics.text()).toString('utf8'));

const sum = (samples: readonly Sample[]): number => samples.reduce((all, { value }) => all + value, 0);

/** Calls a method by its path, whether there is one or not. */
function callByPath(plugin: Plugin, path: string): Promise<status> {
  const client = new Client('unused', credentials.createInsecure(), { channelOverride: plugin.channel });
  return new Promise((resolve) => {
    const same = (bytes: Buffer): Buffer => bytes;
    client.makeUnaryRequest(path, same, same, Buffer.alloc(0), (error: ServiceError | null) =>
      resolve(error?.code ?? status.OK),
    );
  });
}

test('over an upgrade, a restart and a crash each call is counted once, and no counter falls', async () => {
  const plugin = await room.load(kvTs('1'));
  const client = plugin.client(KvDefinition);
  const texts: Map<string, number>[] = [];
  let made = 0;
  let done = false;
  const limit = { timeoutMs: 20_000 };
  const callers = Array.from({ length: 4 }, async () => {
    for (; !done; made++) await client.get({ key: 'k' }, limit).catch(() => {});
  });
  const scraper = (async () => {
    for (; !done; await new Promise((resolve) => setTimeout(resolve, 15)))
      texts.push(growing(await scrape()));
  })();
  await plugin.upgrade({ command: kvTs('2'), version: '2.0.0' });
  await plugin.restart();
  const [instance] = plugin.status().instances;
  if (instance === undefined) throw new Error('it has no instance');
  process.kill(instance.pid, 'SIGKILL');
  await poll(
    () => room.host.snapshot().plugins[0]?.statistics.restarts.restarts,
    (restarts) => restarts === 1,
  );
  await client.get({ key: 'k' }, limit);
  made++;
  done = true;
  await Promise.all(callers);
  await scraper;
  const found = await scrape();
  texts.push(growing(found));
  for (const [i, now] of texts.entries()) {
    for (const [series, value] of now) expect(value).toBeGreaterThanOrEqual(texts[i - 1]?.get(series) ?? 0);
    for (const series of texts[i - 1]?.keys() ?? []) expect(now.has(series)).toBe(true);
  }
  expect(texts.length).toBeGreaterThan(5);
  const kv = { plugin: 'kv' };
  const calls = samplesOf(found, 'plugd_calls_total', kv);
  expect(sum(calls)).toBe(made);
  expect(sum(samplesOf(found, 'plugd_call_duration_seconds_count', kv))).toBe(made);
  const generations = new Set(calls.map(({ labels }) => labels['generation']).filter((one) => one !== '0'));
  expect([...generations].sort()).toEqual(['1', '2', '3']);
  expect(sampleOf(found, 'plugd_plugin_info', { ...kv, version: '2.0.0', generation: '3' })).toBe(1);
  for (const operation of ['upgrade', 'restart']) {
    const labels = { ...kv, operation, outcome: 'swapped' };
    expect(sampleOf(found, 'plugd_upgrades_total', labels)).toBe(1);
    expect(sampleOf(found, 'plugd_upgrade_duration_seconds_count', { operation })).toBe(1);
  }
  expect(sampleOf(found, 'plugd_upgrade_step_duration_seconds_count', { step: 'swap' })).toBe(2);
  expect(sampleOf(found, 'plugd_restarts_total', { ...kv, reason: 'crash' })).toBe(1);
  expect(sampleOf(found, 'plugd_process_cpu_seconds_total', kv)).toBeGreaterThan(0);
  expect(sampleOf(found, 'plugd_process_resident_memory_bytes', kv)).toBeGreaterThan(1e6);
  expect(sampleOf(found, 'plugd_events_total', { type: 'instance' })).toBeGreaterThan(5);
});

test('a client that invents methods makes no series but one', async () => {
  const plugin = await room.load(kvTs('1'));
  await plugin
    .client(KvDefinition)
    .get({ key: 'k' }, { timeoutMs: 20_000 })
    .catch(() => {});
  // The plugin is asked for its methods behind its start.
  await poll(
    () => plugin.contract?.method('/samples.kv.v1.Kv/Get') !== undefined,
    (known) => known,
  );
  for (let i = 0; i < 100; i++) {
    expect(await callByPath(plugin, `/samples.kv.v1.Kv/Invented${i}`)).toBe(status.UNIMPLEMENTED);
  }
  await callByPath(plugin, '/samples.kv.v1.Kv/Get');
  const calls = samplesOf(await scrape(), 'plugd_calls_total', { plugin: 'kv' });
  const invented = calls.filter(({ labels }) => labels['code'] === 'UNIMPLEMENTED');
  expect(invented).toMatchObject([{ labels: { method: 'other' }, value: 100 }]);
  expect(new Set(calls.map(({ labels }) => labels['method']))).toEqual(
    new Set(['other', 'samples.kv.v1.Kv/Get']),
  );
});
