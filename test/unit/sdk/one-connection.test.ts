import { OneConnection } from '../../../sdk/src/broker/one-connection';
import { cleanUp, socketPair } from '../yamux/pair';

afterEach(() => {
  jest.useRealTimers();
  cleanUp();
});

test('a host that says and takes nothing for an hour is borne, and one that is gone is not', async () => {
  const [near] = await socketPair();
  jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });
  const ended: string[] = [];
  const connection = new OneConnection({
    onMain() {},
    onLate() {},
    onEnd: ({ code }) => ended.push(code),
  });
  connection.accept(near);
  // More than the connection holds.
  for (let i = 0; i < 8; i++) connection.router?.session.open().write(Buffer.alloc(250_000));
  await new Promise((next) => setImmediate(next));
  expect(near.writableLength).toBeGreaterThan(0);
  await jest.advanceTimersByTimeAsync(3_600_000);
  expect(ended).toEqual([]);
  near.destroy();
  while (ended.length === 0) await new Promise((next) => setImmediate(next));
  expect(ended).toEqual(['MULTIPLEX_CLOSED']);
});
