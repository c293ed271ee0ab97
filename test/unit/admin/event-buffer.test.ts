import type { HostEvent } from '@plugd/host';
import { EventBuffer, type EventQuery } from '../../../host/src/admin/event-buffer';

const event = (sequence: number, plugin = 'kv', time = sequence): HostEvent => ({
  type: 'plugin',
  plugin,
  sequence,
  time,
  version: '1.0.0',
  generation: 1,
  from: undefined,
  to: 'serving',
  cause: { reason: 'asked' },
});
const forever = new AbortController().signal;

function buffer(count: number, capacity?: number): EventBuffer {
  const events = new EventBuffer(capacity);
  for (let sequence = 1; sequence <= count; sequence++)
    events.add(event(sequence, sequence % 2 ? 'kv' : 'b'));
  return events;
}

async function read(events: EventBuffer, query: EventQuery): Promise<string[]> {
  const seen: string[] = [];
  for await (const { event: one, dropped } of events.read(query, forever))
    seen.push(dropped === 0 ? `${one.sequence}` : `${one.sequence} after ${dropped}`);
  return seen;
}

test('what is kept is given in order, as far as it is asked for', async () => {
  const events = buffer(6);
  expect(await read(events, {})).toEqual(['1', '2', '3', '4', '5', '6']);
  expect(await read(events, { plugin: 'kv' })).toEqual(['1', '3', '5']);
  expect(await read(events, { afterSequence: 4 })).toEqual(['5', '6']);
  expect(await read(events, { sinceMs: 5 })).toEqual(['5', '6']);
  expect(events.latest).toBe(6);
});

test('who asks for events that are kept no more is told how many those were', async () => {
  const events = buffer(10, 4);
  expect(await read(events, {})).toEqual(['7 after 6', '8', '9', '10']);
  expect(await read(events, { afterSequence: 5 })).toEqual(['7 after 1', '8', '9', '10']);
  expect(await read(events, { plugin: 'b' })).toEqual(['8 after 6', '10']);
  // What is gone was too old for this one anyway.
  expect(await read(events, { sinceMs: 9 })).toEqual(['9', '10']);
});

test('a number that has not been reached is of another daemon: all is given', async () => {
  expect(await read(buffer(2), { afterSequence: 500 })).toEqual(['1', '2']);
});

test('who follows gets what happens, misses what comes faster than it reads, and ends with the buffer', async () => {
  const events = buffer(1, 4);
  const reading = events.read({ follow: true }, forever);
  expect((await reading.next()).value).toMatchObject({ event: { sequence: 1 }, dropped: 0 });
  const next = reading.next();
  events.add(event(2));
  expect((await next).value).toMatchObject({ event: { sequence: 2 } });
  for (let sequence = 3; sequence <= 12; sequence++) events.add(event(sequence));
  expect((await reading.next()).value).toMatchObject({ event: { sequence: 9 }, dropped: 6 });
  events.close();
  const rest: number[] = [];
  for await (const { event: one } of reading) rest.push(one.sequence);
  expect(rest).toEqual([10, 11, 12]);
});

test('who follows and leaves is not waited for', async () => {
  const events = buffer(0);
  const leaving = new AbortController();
  const next = events.read({ follow: true }, leaving.signal).next();
  leaving.abort();
  expect(await next).toEqual({ done: true, value: undefined });
});
