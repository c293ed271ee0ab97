import { CallTracker } from '../../../sdk/src/call-tracker';
import { Departure } from '../../../sdk/src/departure';
import { createLogger } from '../../../sdk/src/logger';
import { HealthRegistry } from '../../../sdk/src/services/health';

function setUp({ graceMs = 1000, timeoutMs = 1000 } = {}) {
  const messages: string[] = [];
  const draining = new AbortController();
  const parts = {
    calls: new CallTracker(),
    health: new HealthRegistry(),
    drain: () => draining.abort(),
    log: createLogger('test', ({ level, message }) => messages.push(`${level}: ${message}`)),
    graceMs,
    timeoutMs,
  };
  return { ...parts, draining, messages, departure: new Departure(parts) };
}

test('calls in flight end before the first hook runs, and hooks run in reverse order', async () => {
  const { departure, calls, draining } = setUp();
  const order: string[] = [];
  const end = calls.begin();
  departure.add(() => void order.push('first added'));
  departure.add(async () => void order.push('last added'));
  draining.signal.addEventListener('abort', () => {
    order.push('draining');
    setTimeout(() => {
      order.push('call ended');
      end();
    }, 20);
  });
  await departure.begin('test');
  expect(order).toEqual(['draining', 'call ended', 'last added', 'first added']);
});

test('a call that does not end is left behind at the limit', async () => {
  const { departure, calls, messages } = setUp({ graceMs: 20 });
  calls.begin();
  await departure.begin('test');
  expect(messages).toContain('warn: calls in flight are cut');
});

test('a hook that throws does not keep the others from running', async () => {
  const { departure, messages } = setUp();
  let ran = false;
  departure.add(() => {
    ran = true;
  });
  departure.add(() => {
    throw new Error('no');
  });
  departure.add(() => Promise.reject(new Error('no')));
  await departure.begin('test');
  expect(ran).toBe(true);
  expect(messages.filter((message) => message === 'error: a shutdown hook failed')).toHaveLength(2);
});

test('hooks share one limit', async () => {
  const { departure, messages } = setUp({ timeoutMs: 30 });
  let ran = false;
  departure.add(() => {
    ran = true;
  });
  departure.add(() => new Promise(() => {}));
  await departure.begin('test');
  expect(ran).toBe(false);
  expect(messages).toContain('error: shutdown hooks took too long');
});

test('it happens once, however often it is asked for', async () => {
  const { departure } = setUp();
  let runs = 0;
  departure.add(() => void runs++);
  await Promise.all([departure.begin('one'), departure.begin('two')]);
  await departure.begin('three');
  expect(runs).toBe(1);
});

test('a tracked call ends once', async () => {
  const calls = new CallTracker();
  const [first] = [calls.begin(), calls.begin()];
  first();
  first();
  expect(calls.inFlight).toBe(1);
  expect(await calls.whenIdle(10)).toBe(1);
});
