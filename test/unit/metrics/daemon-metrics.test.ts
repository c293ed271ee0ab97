import { PluginError } from '@plugd/protocol/plugin-error';
import { DaemonMetrics } from '../../../host/src/metrics/daemon-metrics';
import { families } from '../../../host/src/metrics/families';
import { OperationHandle } from '../../../host/src/upgrade/operation-handle';
import { type ParsedFamily, parseExposition, sampleOf, samplesOf } from '../../support/exposition-parser';
import { contractWith, FakeHost } from './measured-host';

const open: DaemonMetrics[] = [];
afterEach(() => {
  for (const metrics of open.splice(0)) metrics.close();
});

function measured(host: FakeHost): { scrape(): Promise<Map<string, ParsedFamily>> } {
  const log = { counters: { written: 5, writtenBytes: 500, dropped: 1 }, problem: undefined };
  const metrics = new DaemonMetrics({ host, version: '1.2.3', log });
  open.push(metrics);
  return { scrape: async () => parseExposition((await metrics.text()).toString('utf8')) };
}

test('every family of the table is told of, with its type, its help and its labels, and no other', async () => {
  const host = new FakeHost();
  host.add('kv');
  const { scrape } = measured(host);
  host.call('kv', 'Get', 0, 3, 1);
  for (const told of host.events) {
    const about = { phase: 'found', version: '1.0.0', cause: { reason: 'directory' } } as const;
    told({ type: 'artifact', plugin: 'kv', sequence: 1, time: 0, ...about });
  }
  await end(host, Promise.reject(new PluginError('BUSY', 'Another operation is running.')));
  const found = await scrape();
  const described = Object.values(families);
  expect([...found.keys()].sort()).toEqual(described.map(({ name }) => name).sort());
  for (const { name, type, help, labels } of described) {
    expect(found.get(name)).toMatchObject({ type, help });
    for (const sample of found.get(name)?.samples ?? []) {
      const { le: _le, ...own } = sample.labels;
      expect(Object.keys(own).sort()).toEqual([...labels].sort());
    }
  }
});

test('what a host tells of a plugin is found under the plugin’s name', async () => {
  const host = new FakeHost();
  host.add('kv', { version: '2.1.0', generation: 4 });
  host.add('down', { state: 'failed', instances: [] });
  const found = await measured(host).scrape();
  const kv = { plugin: 'kv' };
  expect(sampleOf(found, 'plugd_plugin_info', { ...kv, version: '2.1.0', generation: '4' })).toBe(1);
  expect(sampleOf(found, 'plugd_plugin_up', kv)).toBe(1);
  expect(sampleOf(found, 'plugd_plugin_up', { plugin: 'down' })).toBe(0);
  expect(sampleOf(found, 'plugd_instances', { ...kv, state: 'serving' })).toBe(1);
  expect(sampleOf(found, 'plugd_instances', { plugin: 'down', state: 'serving' })).toBe(0);
  expect(sampleOf(found, 'plugd_calls_in_flight', kv)).toBe(2);
  expect(sampleOf(found, 'plugd_calls_held', kv)).toBe(1);
  expect(sampleOf(found, 'plugd_calls_held_total', kv)).toBe(4);
  expect(sampleOf(found, 'plugd_calls_cut_total', kv)).toBe(3);
  expect(sampleOf(found, 'plugd_restarts_total', { ...kv, reason: 'connection_lost' })).toBe(1);
  expect(sampleOf(found, 'plugd_restarts_total', { ...kv, reason: 'crash' })).toBe(2);
  expect(sampleOf(found, 'plugd_event_loop_late_seconds_total')).toBe(1.5);
  expect(sampleOf(found, 'plugd_log_records_dropped_total')).toBe(1);
  expect(sampleOf(found, 'plugd_info', { version: '1.2.3' })).toBe(1);
});

test('calls are counted by method and status, and their times fall into buckets, in seconds', async () => {
  const host = new FakeHost();
  host.add('kv');
  const { scrape } = measured(host);
  for (const elapsedMs of [0.4, 0.5, 0.6, 30, 20_000]) host.call('kv', 'Get', 0, elapsedMs);
  host.call('kv', 'Put', 14, 7, 250, 2);
  host.call('kv', 'Put', 14, 7, 0, 0);
  host.call('kv', 'Put', 987_654, 7);
  const found = await scrape();
  const get = { plugin: 'kv', generation: '1', method: 'samples.kv.v1.Kv/Get' };
  const put = { plugin: 'kv', method: 'samples.kv.v1.Kv/Put' };
  const bucket = (le: string) => sampleOf(found, 'plugd_call_duration_seconds_bucket', { ...get, le });
  expect(sampleOf(found, 'plugd_calls_total', { ...get, code: 'OK' })).toBe(5);
  expect(sampleOf(found, 'plugd_calls_total', { ...put, generation: '2', code: 'UNAVAILABLE' })).toBe(1);
  expect(sampleOf(found, 'plugd_calls_total', { ...put, generation: '0', code: 'UNAVAILABLE' })).toBe(1);
  expect(sampleOf(found, 'plugd_calls_total', { ...put, generation: '1', code: 'UNKNOWN' })).toBe(1);
  expect([bucket('0.0005'), bucket('0.001'), bucket('0.025'), bucket('0.05'), bucket('5')]).toEqual([
    2, 3, 3, 4, 4,
  ]);
  expect(bucket('+Inf')).toBe(5);
  expect(sampleOf(found, 'plugd_call_duration_seconds_sum', get)).toBeCloseTo(20.0315, 6);
  expect(sampleOf(found, 'plugd_hold_duration_seconds_count', { plugin: 'kv' })).toBe(1);
  expect(sampleOf(found, 'plugd_hold_duration_seconds_sum', { plugin: 'kv' })).toBeCloseTo(0.25, 6);
});

test('methods that nobody knows of are counted together, whatever is called', async () => {
  const host = new FakeHost();
  host.add('kv');
  const { scrape } = measured(host);
  for (let i = 0; i < 10_000; i++) host.call('kv', `Invented${i}\n"`);
  host.call('kv', 'Get');
  const calls = samplesOf(await scrape(), 'plugd_calls_total');
  expect(calls.map(({ labels: { method }, value }) => [method, value])).toEqual([
    ['other', 10_000],
    ['samples.kv.v1.Kv/Get', 1],
  ]);
});

test('a plugin that claims any number of methods has 64 of them by name', async () => {
  const host = new FakeHost();
  host.add('kv');
  const names = Array.from({ length: 5_000 }, (_, i) => `Method${i}`);
  host.contract = contractWith([...names, 'x'.repeat(500)]);
  const { scrape } = measured(host);
  for (const name of names) host.call('kv', name);
  host.call('kv', 'x'.repeat(500));
  const calls = samplesOf(await scrape(), 'plugd_calls_total');
  expect(calls).toHaveLength(65);
  expect(calls.find(({ labels }) => labels['method'] === 'other')?.value).toBe(5_001 - 64);
});

test('names and versions may hold anything: a scraper reads them as they are', async () => {
  const host = new FakeHost();
  const name = 'k"v\\\n{}=,\u2028 #';
  host.add(name, { version: '1.0.0+"\n\\n' });
  const { scrape } = measured(host);
  host.call(name, 'Get', 0, 1, 1);
  await end(host, Promise.reject(new Error('no')), name);
  const found = await scrape();
  expect(sampleOf(found, 'plugd_plugin_info', { plugin: name, version: '1.0.0+"\n\\n' })).toBe(1);
  expect(sampleOf(found, 'plugd_calls_total', { plugin: name, code: 'OK' })).toBe(1);
  expect(sampleOf(found, 'plugd_hold_duration_seconds_count', { plugin: name })).toBe(1);
  expect(sampleOf(found, 'plugd_upgrades_total', { plugin: name })).toBe(1);
});

test('generations beyond the latest three have no series; a call that outlived them is one of the older', async () => {
  const host = new FakeHost();
  host.add('kv');
  const { scrape } = measured(host);
  const generations = async () =>
    samplesOf(await scrape(), 'plugd_calls_total').map(
      ({ labels, value }) => `${labels['generation']}: ${value}`,
    );
  for (let generation = 1; generation <= 50; generation++) {
    host.call('kv', 'Get', 0, 1, 0, generation);
    host.call('kv', 'Get', 0, 1, 0, generation);
  }
  host.call('kv', 'Get', 14, 1, 0, 0);
  expect(await generations()).toEqual(['48: 2', '49: 2', '50: 2', '0: 1']);
  host.call('kv', 'Get', 0, 1, 0, 3);
  host.call('kv', 'Get', 0, 1, 0, 49);
  expect(await generations()).toEqual(['48: 2', '49: 3', '50: 2', '0: 1', 'older: 1']);
});

test('a thousand plugins with many methods each have a bounded number of series, and each is whole', async () => {
  const host = new FakeHost();
  const names = Array.from({ length: 4 }, (_, i) => `Method${i}`);
  host.contract = contractWith(names);
  const { scrape } = measured(host);
  for (let i = 0; i < 1_000; i++) {
    host.add(`plugin-${i}`);
    for (const name of names)
      for (const generation of [1, 2]) host.call(`plugin-${i}`, name, 0, 1, 1, generation);
  }
  const found = await scrape();
  const durations = samplesOf(found, 'plugd_call_duration_seconds_count');
  expect(durations.reduce((sum, { value }) => sum + value, 0)).toBe(8_000);
  // 2000 by name, and of each plugin and generation the others.
  expect(durations.length).toBeLessThanOrEqual(4_000);
  expect(samplesOf(found, 'plugd_plugin_up')).toHaveLength(1_000);
});

test('a plugin that is gone is told of once more, and then no more; its room is for others', async () => {
  const host = new FakeHost();
  const { scrape } = measured(host);
  const told = async () => {
    const found = await scrape();
    const names = ['plugd_calls_total', 'plugd_upgrades_total', 'plugd_plugin_up', 'plugd_process_open_fds'];
    return names.map((name) => samplesOf(found, name).length);
  };
  host.add('kv');
  host.call('kv', 'Get');
  await end(host, Promise.reject(new Error('no')), 'kv');
  expect((await told()).slice(0, 2)).toEqual([1, 1]);
  host.call('kv', 'Get');
  host.plugins.clear();
  expect(sampleOf(await scrape(), 'plugd_calls_total', { plugin: 'kv' })).toBe(2);
  // It comes again before the next look, and goes again.
  host.add('kv');
  host.call('kv', 'Get');
  expect((await told()).slice(0, 2)).toEqual([1, 1]);
  host.plugins.clear();
  expect(await told()).toEqual([1, 1, 0, 0]);
  expect(await told()).toEqual([0, 0, 0, 0]);
  // Nobody asks meanwhile: of all these only the last are known.
  for (let i = 0; i < 3_000; i++) host.call(`gone-${i}`, 'Get');
  expect((await told())[0]).toBe(1_000);
  expect((await told())[0]).toBe(0);
});

test('operations are counted by how they ended', async () => {
  const host = new FakeHost();
  host.add('kv');
  const { scrape } = measured(host);
  const failing = (facts: Record<string, unknown>) =>
    Promise.reject(new PluginError('CRASH_LOOP', 'No.', { facts: { strategy: 'handoff', ...facts } }));
  await end(host, failing({ step: 'start' }));
  await end(host, failing({ step: 'bake', outcome: 'rolled-back' }));
  await end(host, failing({ step: 'bake', outcome: 'not-rolled-back' }));
  await end(host, failing({ step: 'swap', outcome: 'down' }));
  await end(host, Promise.reject(new PluginError('BUSY', 'Another one is running.')));
  let finish = (): void => {};
  const running = new Promise<never>((_, reject) => {
    finish = () => reject(new PluginError('ABORTED', 'Given up.'));
  });
  const ended = end(host, running);
  expect(sampleOf(await scrape(), 'plugd_upgrades_in_progress', { operation: 'upgrade' })).toBe(1);
  finish();
  await ended;
  const found = await scrape();
  const counts = samplesOf(found, 'plugd_upgrades_total').map(({ labels, value }) => [
    labels['strategy'],
    labels['outcome'],
    value,
  ]);
  expect(counts).toEqual([
    ['handoff', 'undone', 1],
    ['handoff', 'rolled_back', 1],
    ['handoff', 'not_rolled_back', 1],
    ['handoff', 'down', 1],
    ['none', 'refused', 2],
  ]);
  expect(sampleOf(found, 'plugd_upgrades_in_progress', { operation: 'upgrade' })).toBe(0);
});

test('processor time never falls, though processes come and go, and reads as what the system says', async () => {
  const host = new FakeHost();
  const used = new Map([[7, { startTime: 'a', cpuMs: 4_000, memoryBytes: 1_000, descriptors: 5 }]]);
  const platform = { usage: async (pid: number) => used.get(pid) };
  const instance = (id: string, pid: number) => ({
    ...{
      id,
      pid,
      state: 'serving' as const,
      address: '',
      version: '1',
      generation: 1,
      inFlight: 0,
      startedAt: 0,
    },
  });
  let now = 0;
  jest.spyOn(performance, 'now').mockImplementation(() => {
    now += 10_000;
    return now;
  });
  try {
    const metrics = new DaemonMetrics({ host, version: '1', platform });
    open.push(metrics);
    const scrape = async () => {
      const found = parseExposition((await metrics.text()).toString());
      const names = ['cpu_seconds_total', 'resident_memory_bytes', 'open_fds'];
      return names.map((name) => samplesOf(found, `plugd_process_${name}`)[0]?.value);
    };
    host.add('kv', { instances: [instance('kv-1-1', 7)] });
    expect(await scrape()).toEqual([4, 1_000, 5]);
    used.set(8, { startTime: 'b', cpuMs: 500, memoryBytes: 2_000, descriptors: 6 });
    host.add('kv', { instances: [instance('kv-1-1', 7), instance('kv-2-2', 8)] });
    expect(await scrape()).toEqual([4.5, 3_000, 11]);
    host.add('kv', { instances: [instance('kv-2-2', 8)] });
    expect(await scrape()).toEqual([4.5, 2_000, 6]);
    // The same number, another process.
    used.set(8, { startTime: 'c', cpuMs: 100, memoryBytes: 3_000, descriptors: 7 });
    expect(await scrape()).toEqual([4.6, 3_000, 7]);
    host.add('kv', { instances: [] });
    expect(await scrape()).toEqual([4.6, 0, 0]);
  } finally {
    jest.restoreAllMocks();
  }
});

test('after its end nothing of a host is listened to', () => {
  const host = new FakeHost();
  new DaemonMetrics({ host, version: '1' }).close();
  expect([host.meters.size, host.events.size, host.operations.size]).toEqual([0, 0, 0]);
});

/** An operation that ends as the promise does. */
async function end(host: FakeHost, outcome: Promise<never>, plugin = 'kv'): Promise<void> {
  const handle = new OperationHandle(() => outcome);
  for (const begun of host.operations)
    begun({
      id: `${plugin}-1`,
      plugin,
      operation: 'upgrade',
      fromVersion: '1.0.0',
      toVersion: '2.0.0',
      handle,
    });
  await handle.then(undefined, () => {});
  await new Promise((resolve) => setImmediate(resolve));
}
