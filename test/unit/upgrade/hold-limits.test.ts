import { fakePlugin } from './fake-plugin';

test('a version that lets no calls wait for a restart does not wait as the one before it did', async () => {
  jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask', 'performance'] });
  try {
    const { plugin } = await fakePlugin({ restart: { hold: { limitMs: 50, maxCalls: 1 } } });
    await plugin.upgrade({ version: '2.0.0', restart: { hold: false } });
    // As an operation does that hands a state over.
    plugin.hold();
    const ends: string[] = [];
    const calls = Array.from({ length: 2 }, () =>
      plugin.pinned(() => {}).catch(({ code }: { code: string }) => ends.push(code)),
    );
    await jest.advanceTimersByTimeAsync(1_999);
    expect(ends).toEqual([]);
    await jest.advanceTimersByTimeAsync(1);
    await Promise.all(calls);
    expect(ends).toEqual(['HELD_TOO_LONG', 'HELD_TOO_LONG']);
  } finally {
    jest.useRealTimers();
  }
});
