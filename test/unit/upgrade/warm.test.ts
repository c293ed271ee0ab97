import { Gate } from '../../upgrade/gate';
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

test('the end of its time is not that of another one that is warm when its turn comes', async () => {
  jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask', 'performance'] });
  try {
    const { plugin, made } = await fakePlugin();
    await plugin.upgrade({ version: '2.0.0', keepWarmMs: 100 });
    const gate = new Gate();
    const busy = plugin.upgrade({ version: '2.5.0', dryRun: true, verify: () => gate.passed });
    const next = plugin.upgrade({ version: '3.0.0', keepWarmMs: 60_000 });
    jest.advanceTimersByTime(100);
    gate.open();
    await Promise.all([busy, next]);
    // Behind whatever waited for its turn.
    await plugin.upgrade({ version: '3.5.0', dryRun: true });
    const [first, second] = made;
    expect([first?.state, second?.ended]).toEqual(['stopped', false]);
    expect(await plugin.rollbackPlan()).toMatchObject({ version: '2.0.0', from: 'warm' });
    jest.advanceTimersByTime(60_000);
    await plugin.upgrade({ version: '3.5.0', dryRun: true });
    expect(second?.state).toBe('stopped');
  } finally {
    jest.useRealTimers();
  }
});
