import { formatReportTable, type Plugin } from '@plugd/host';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { roomsAtOnce } from '../support/at-once';
import { failureOf } from '../support/host-room';
import { kvTs } from '../support/samples';

const { atOnce, room } = roomsAtOnce();

const second = { version: '2.0.0', command: kvTs('2') };
const served = async (plugin: Plugin) =>
  (await plugin.client(KvDefinition).get({ key: 'k' }, { timeoutMs: 10_000 })).servedBy;

atOnce(
  'a report says of each line what was expected, what was measured, and whether that is met',
  async () => {
    const plugin = await room().load(kvTs('1'));
    const report = await plugin.upgrade({
      ...second,
      expect: { wholeBeyondStartMs: 60_000, hostDriftBytes: Number.POSITIVE_INFINITY, pauseMs: 1, cut: 0 },
    });
    const line = (name: string) => report.verdict.lines.find((one) => one.name === name);
    expect(report.verdict.verdict).toBe('met');
    expect(line('calls failed')).toEqual({
      name: 'calls failed',
      expected: 0,
      measured: 0,
      unit: 'calls',
      verdict: 'met',
    });
    expect(line('step swap')).toMatchObject({ measured: expect.any(Number), verdict: 'not judged' });
    for (const side of ['host', 'old', 'new']) {
      expect(line(`memory of ${side} during`)?.measured).toBeGreaterThan(1e6);
    }
    expect(line('availability')).toMatchObject({ measured: 1 });
    expect(formatReportTable(report)).toMatch(/whole beyond start +≤ 60000\.0 ms .*met/);
  },
);

atOnce('a miss is in the verdict, and changes nothing by itself', async () => {
  const plugin = await room().load(kvTs('1'), { expect: { stepMs: { start: 0 } } });
  const report = await plugin.upgrade(second);
  expect(report.verdict).toMatchObject({
    verdict: 'missed',
    lines: expect.arrayContaining([expect.objectContaining({ name: 'step start', verdict: 'missed' })]),
  });
  expect(await served(plugin)).toBe('2.0.0');
});

atOnce('strict, a miss within the bake gives the calls back to the old version', async () => {
  const plugin = await room().load(kvTs('1'));
  const before = plugin.status().instances;
  const error = await failureOf(
    plugin.upgrade({ ...second, bakeMs: 20, expect: { strict: true, stepMs: { start: 0 } } }),
  );
  expect(error).toMatchObject({ code: 'EXPECTATION_MISSED', facts: { step: 'bake' } });
  expect(String(error)).toContain('step start');
  expect(await served(plugin)).toBe('1.0.0');
  expect(plugin.status().instances.map(({ pid }) => pid)).toEqual(before.map(({ pid }) => pid));
  expect(room().processes()).toHaveLength(1);
  const met = { wholeBeyondStartMs: 60_000, hostDriftBytes: Number.POSITIVE_INFINITY };
  await plugin.upgrade({ ...second, bakeMs: 20, expect: { strict: true, ...met } });
  expect(await served(plugin)).toBe('2.0.0');
});

atOnce(
  'where two versions have no room the upgrade is refused before anything starts, or recreates',
  async () => {
    const plugin = await room().load(kvTs('1'), { memory: { budgetBytes: 1_000_000 } });
    const [old] = plugin.status().instances;
    expect(await failureOf(plugin.upgrade(second))).toMatchObject({
      code: 'MEMORY_SHORT',
      facts: { limit: 'plugin' },
    });
    expect(plugin.status().instances).toEqual([old]);
    const memory = { budgetBytes: 100_000_000, expectedBytes: 90_000_000, ifShort: 'recreate' } as const;
    expect(await plugin.upgrade({ ...second, memory })).toMatchObject({ strategy: 'recreate' });
    expect(await served(plugin)).toBe('2.0.0');
  },
);
