import type { OperationHandle, UpgradeOptions, UpgradeStrategy } from '@plugd/host';
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

test.each<[string, UpgradeOptions]>([
  ['blue-green', { strategy: 'blue-green', blueGreen: { baselineMs: 0 } }],
  ['one that is content at once', { strategy: { ...watchful, bake: async () => {} } }],
])('the new one has to last for as long as the operation says: %s', async (_what, options) => {
  const { plugin, made } = await fakePlugin();
  const { steps } = await plugin.upgrade({ version: '2.0.0', bakeMs: 60, ...options });
  const { elapsedMs } = steps.find(({ step }) => step === 'bake') ?? { elapsedMs: 0 };
  expect(elapsedMs).toBeGreaterThan(55);
  expect(elapsedMs).toBeLessThan(60_000);
  const upgrade = plugin.upgrade({ version: '3.0.0', bakeMs: 60_000, ...options });
  await baking(upgrade);
  made.at(-1)?.crash();
  await expect(upgrade).rejects.toMatchObject({ code: 'BAKE_FAILED', facts: { step: 'bake' } });
  expect(plugin.status().version).toBe('2.0.0');
  await plugin.stop();
});
