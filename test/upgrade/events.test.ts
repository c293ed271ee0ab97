import type { HostEvent } from '@plugd/host';
import { failureOf, HostRoom, killNow, servingPid } from '../support/host-room';
import { eventually } from '../support/processes';
import { chaosTs, kvTs } from '../support/samples';

// What has a limit of its own asserts it; this one is only for tests that hang.
jest.setTimeout(60_000);

test('every change of state is one event, numbered without a gap, with its cause', async () => {
  const room = await HostRoom.open();
  try {
    const plugin = await room.load(kvTs('1'), { restart: { policy: 'never' } });
    await plugin.upgrade({ command: kvTs('2'), version: '2.0.0' });
    const env = { ROOM_MARK: room.mark, CHAOS: 'not-serving' };
    await failureOf(plugin.upgrade({ command: chaosTs(), env, startTimeoutMs: 700 }));
    await plugin.restart();
    await killNow(servingPid(plugin));
    await eventually(() => plugin.status().state === 'failed', 5_000, 'the crash is noticed');
    await plugin.upgrade({ command: kvTs('1'), version: '1.0.0', startTimeoutMs: 20_000 });
    await plugin.stop();
  } finally {
    await room.close();
  }
  const { events } = room;
  expect(events.map(({ sequence }) => sequence)).toEqual(events.map((_, i) => i + 1));
  for (const { cause, time, plugin } of events) {
    expect(cause.reason).not.toBe('');
    expect(plugin).toBe('kv');
    expect(time).toBeLessThanOrEqual(Date.now());
  }
  expect(path(events.filter((event) => event.type === 'plugin'))).toEqual([
    'starting',
    'serving',
    'failed',
    'serving',
    'stopping',
    'stopped',
  ]);
  const ofInstances = events.filter((event) => event.type === 'instance');
  const instances = [...new Set(ofInstances.map(({ instance }) => instance))].map((id) =>
    ofInstances.filter(({ instance }) => instance === id),
  );
  expect(instances.map(path)).toEqual([
    ['starting', 'ready', 'serving', 'draining', 'stopped'],
    ['starting', 'ready', 'serving', 'draining', 'stopped'],
    ['starting', 'failed'],
    ['starting', 'ready', 'serving', 'failed'],
    ['starting', 'ready', 'serving', 'draining', 'stopped'],
  ]);
  // Each failure says which.
  const failures = events.flatMap((event) =>
    (event.type === 'instance' || event.type === 'plugin') && event.to === 'failed' ? [event] : [],
  );
  expect(failures.map(({ type, cause }) => [type, cause.code])).toEqual([
    ['instance', 'HEALTH_NOT_SERVING'],
    ['instance', 'PLUGIN_EXITED'],
    ['plugin', 'PLUGIN_EXITED'],
  ]);
});

/** The states in their order; each event has to go on where the one before ended. */
function path(events: readonly Extract<HostEvent, { from: unknown }>[]): string[] {
  events.forEach(({ from }, i) => {
    expect(from).toBe(events[i - 1]?.to);
  });
  return events.map(({ to }) => to);
}

test('a listener that throws, or was removed, is nobody else’s business', async () => {
  const room = await HostRoom.open();
  const seen: HostEvent[] = [];
  const removed = (event: HostEvent): void => void seen.push(event);
  try {
    room.host.on('event', () => {
      throw new Error('a listener of the application');
    });
    room.host.on('event', removed).off('event', removed);
    await room.load(kvTs('1'));
    expect(room.events.length).toBeGreaterThan(3);
    expect(seen).toEqual([]);
    expect(room.log.records.filter(({ level }) => level === 'error').length).toBe(room.events.length);
  } finally {
    await room.close();
  }
});
