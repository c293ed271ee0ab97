import type { LoadOptions, UpgradeOptions } from '@plugd/host';
import type { Supervisor } from '../../../host/src/supervision/supervisor';
import { chooseStrategy } from '../../../host/src/upgrade/strategy';
import { fakePlugin } from './fake-plugin';

// A dry run proves the new version beside the old one, or says that it can't.

test.each<[string, Partial<LoadOptions>, UpgradeOptions, RegExp]>([
  ['has ports', { ports: { http: 0 } }, {}, /can’t run twice/],
  ['is to be recreated', {}, { strategy: 'recreate' }, /ends that first/],
  [
    'has no room for both',
    { memory: { budgetBytes: 150, reserveBytes: 0, ifShort: 'recreate' } },
    {},
    /no room for both/,
  ],
])('one that %s can’t be tried, and nothing is begun', async (_what, options, changes, why) => {
  const { plugin, made } = await fakePlugin(options);
  const verify = jest.fn();
  const upgrade = { version: '2.0.0', ...changes, verify };
  await expect(plugin.upgrade({ ...upgrade, dryRun: true })).rejects.toMatchObject({
    code: 'STRATEGY_UNFIT',
    summary: expect.stringMatching(why),
    facts: { strategy: 'recreate' },
  });
  expect([made.length, verify.mock.calls.length]).toEqual([1, 0]);
  expect(await plugin.upgrade(upgrade)).toMatchObject({ strategy: 'recreate', outcome: 'swapped' });
  expect(verify).toHaveBeenCalledTimes(1);
});

test('of a rollback it needs room of its own, whatever is still warm', async () => {
  const { plugin, usage } = await fakePlugin({ memory: { budgetBytes: 200, reserveBytes: 0 } });
  await plugin.upgrade({ version: '2.0.0', keepWarmMs: 60_000 });
  usage.memoryBytes = 150;
  await expect(plugin.rollback({ dryRun: true })).rejects.toMatchObject({ code: 'MEMORY_SHORT' });
  expect(await plugin.rollback()).toMatchObject({ outcome: 'swapped' });
});

test('what is down and keeps a state can be tried, though it would be recreated', () => {
  const down = {
    alive: false,
    spec: { instances: 1, ports: [] },
    description: { state: { schema: 1, restores: [1], shareable: false }, resources: [], single: false },
  } as unknown as Supervisor;
  expect(chooseStrategy('kv', down, { name: undefined })).toBe('recreate');
  expect(chooseStrategy('kv', down, { name: undefined, dryRun: true })).toBe('handoff');
});
