import type { OperationHandle, UpgradeStrategy } from '@plugd/host';
import { fakePlugin } from './fake-plugin';

// Once all calls go to the new version only its own failures, or somebody's hand, bring the old one back.

const watchful: UpgradeStrategy = {
  name: 'watchful',
  run: async () => {},
  bake: (traffic) => traffic.wait(60_000),
};

async function baking(handle: OperationHandle): Promise<void> {
  for await (const { step, phase } of handle) if (step === 'bake' && phase === 'started') return;
}

test.each(['stop', 'release'] as const)(
  'a %s while a strategy watches needs no verdict of it',
  async (end) => {
    const { plugin, made } = await fakePlugin();
    const upgrade = plugin.upgrade({ version: '2.0.0', strategy: watchful });
    await baking(upgrade);
    await plugin[end]();
    expect(await upgrade).toMatchObject({ outcome: 'swapped', to: { generation: 2 } });
    expect(plugin.status().version).toBe('2.0.0');
    expect(made[0]?.state).toBe('stopped');
  },
);

test('by hand the old one gets its place back', async () => {
  const { plugin, made } = await fakePlugin();
  const upgrade = plugin.upgrade({ version: '2.0.0', strategy: watchful });
  await baking(upgrade);
  expect(upgrade.abort()).toBe(true);
  await expect(upgrade).rejects.toMatchObject({ code: 'ABORTED', facts: { step: 'bake' } });
  expect(plugin.status().version).toBe('1.0.0');
  expect(made.map(({ ended }) => ended)).toEqual([false, true]);
});
