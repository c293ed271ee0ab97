import { fakePlugin } from './fake-plugin';

// What is kept warm belongs to somebody at any time, and goes when its own time is over.

test('a plugin whose process could not be ended leaves nothing warm behind', async () => {
  const { plugin, made } = await fakePlugin();
  await plugin.upgrade({ version: '2.0.0', keepWarmMs: 60_000 });
  const [first, second] = made;
  expect(first?.ended).toBe(false);
  if (second !== undefined) second.stopFails = true;
  await expect(plugin.stop()).rejects.toMatchObject({ code: 'STOP_FAILED' });
  expect(first?.state).toBe('stopped');
});
