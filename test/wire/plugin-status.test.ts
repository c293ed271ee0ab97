import type { Plugin } from '@plugd/host';
import { ProbeDefinition } from '@plugd/protocol/gen/samples/probe/v1/probe';
import { HostRoom, killNow, servingPid } from '../support/host-room';
import { poll } from '../support/poll';
import { kvTs } from '../support/samples';

// Real processes, on a machine that may be busy.
jest.setTimeout(60_000);

let room: HostRoom;
beforeEach(async () => {
  room = await HostRoom.open();
});
afterEach(() => room.close());

const sleepForAnHour = { durationMs: 3_600_000 };

const v2 = { version: '2.0.0', command: kvTs('2') };

test('status() tells name, state, version, generation, protocol and instances, and is of one moment', async () => {
  const loading = room.load(kvTs('1'), { restart: { policy: 'never' } });
  expect(room.host.plugin('kv')?.status()).toMatchObject({
    state: 'starting',
    version: '1.0.0',
    protocolVersion: undefined,
    instances: [],
  });
  const plugin = await loading;
  const before = plugin.status();
  expect(before).toEqual({
    name: 'kv',
    state: 'serving',
    version: '1.0.0',
    generation: 1,
    protocolVersion: 1,
    instances: [
      {
        id: expect.any(String),
        version: '1.0.0',
        generation: 1,
        pid: expect.any(Number),
        state: 'serving',
        address: expect.stringContaining(room.runDir),
        inFlight: 0,
        startedAt: expect.any(Number),
      },
    ],
  });
  expect(Math.abs(Date.now() - (before.instances[0]?.startedAt ?? 0))).toBeLessThan(60_000);

  const probe = plugin.client(ProbeDefinition);
  const giveUp = new AbortController();
  const call = probe.sleep(sleepForAnHour, { signal: giveUp.signal });
  call.catch(() => {});
  await probe.inspect({});
  const upgrade = plugin.upgrade(v2);
  await poll(
    () => plugin.status(),
    ({ instances }) => instances.length === 2,
  );
  expect(plugin.status()).toMatchObject({
    state: 'serving',
    version: '2.0.0',
    generation: 2,
    protocolVersion: 2,
    instances: [
      { state: 'serving', version: '2.0.0', generation: 2, inFlight: 0 },
      { state: 'draining', version: '1.0.0', generation: 1, inFlight: 1, pid: servingPidOf(before) },
    ],
  });
  giveUp.abort();
  await upgrade;
  expect(plugin.status().instances).toHaveLength(1);
  expect(before.instances[0]?.state).toBe('serving');
  expect(JSON.parse(JSON.stringify(plugin.status()))).toEqual(plugin.status());

  await killNow(servingPid(plugin));
  const down = await poll(
    () => plugin.status(),
    ({ state }) => state === 'failed',
  );
  expect(down).toEqual({
    name: 'kv',
    state: 'failed',
    version: '2.0.0',
    generation: 2,
    protocolVersion: undefined,
    instances: [],
  });
});

function servingPidOf({ instances }: ReturnType<Plugin['status']>): number | undefined {
  return instances[0]?.pid;
}
