import { status } from '@grpc/grpc-js';
import type { Plugin, UpgradeReport } from '@plugd/host';
import { counterOptions } from '../support/counter-room';
import { FollowedStream, ways } from '../support/followed-stream';
import { HostRoom, killNow, servingPid } from '../support/host-room';
import { goIsHere } from '../support/needs-go';
import { poll } from '../support/poll';
import { counterGo, counterTs, kvGo, kvTs } from '../support/samples';

// Streams without an end, over processes that replace each other, hand a state over to each other, or are killed.

// Every day some, with --full the fifty.
const full = process.env['PLUGD_FULL'] === '1';
const swaps = full ? 50 : 4;

jest.setTimeout(full ? 600_000 : 60_000);

let room: HostRoom;
beforeEach(async () => {
  room = await HostRoom.open();
});
afterEach(() => room.close());

type Version = readonly [command: string, version: string];

const kvs: readonly Version[] = [
  [kvTs('1'), '1.0.0'],
  ...(goIsHere ? ([[kvGo('2'), '2.0.0']] as const) : []),
  [kvTs('2'), '2.0.0'],
  ...(goIsHere ? ([[kvGo('1'), '1.0.0']] as const) : []),
];
const counters: readonly Version[] = [
  [counterTs('1'), '1.0.0'],
  ...(goIsHere ? ([[counterGo('1'), '1.0.0']] as const) : []),
  [counterTs('2'), '2.0.0'],
  ...(goIsHere ? ([[counterGo('2'), '2.0.0']] as const) : []),
];

/** Takes it through its versions, and kills what serves after each third swap; waits for all streams each time. */
async function through(plugin: Plugin, versions: readonly Version[], streams: readonly FollowedStream[]) {
  const reports: UpgradeReport[] = [];
  let kills = 0;
  const allGoOn = (): Promise<unknown> =>
    Promise.all(streams.map((stream) => stream.comesFrom(servingPid(plugin))));
  await allGoOn();
  for (let i = 1; i <= swaps; i++) {
    const [command = '', version = ''] = versions[i % versions.length] ?? [];
    reports.push(await plugin.upgrade({ command, version }));
    await allGoOn();
    if (i % 3 !== 0) continue;
    const pid = servingPid(plugin);
    await killNow(pid);
    kills++;
    await poll(
      () => plugin.status().instances.some((one) => one.pid !== pid && one.state === 'serving'),
      (there) => there,
    );
    await allGoOn();
  }
  return { reports, kills };
}

/** Every number once, in its order, until its caller left it. */
async function expectWhole(streams: readonly FollowedStream[], processes: number): Promise<void> {
  for (const stream of streams) {
    expect({ error: stream.error, ended: stream.ended }).toEqual({ error: undefined, ended: false });
    await stream.stop();
    expect(stream.wrong).toEqual([]);
    expect(stream.error).toMatchObject({ code: status.CANCELLED });
    expect(stream.pids.size).toBe(processes);
    expect(stream.count).toBeGreaterThan(processes);
  }
}

test('four streams go through swaps and crashes of a plugin in Go and TypeScript with every number once', async () => {
  const [[command = ''] = []] = kvs;
  const plugin = await room.load(command);
  const streams = ways.map((way) => new FollowedStream(plugin, way));
  const { reports, kills } = await through(plugin, kvs, streams);
  for (const { calls, verdict } of reports) {
    expect(calls).toMatchObject({ cut: 0, failed: 0, resumed: streams.length });
    expect(verdict.lines.find(({ name }) => name === 'calls failed')).toMatchObject({ measured: 0 });
  }
  await expectWhole(streams, 1 + swaps + kills);
  console.log(
    `${streams.reduce((sum, { count }) => sum + count, 0)} numbers over ${swaps} swaps and ${kills} crashes`,
  );
});

test('four streams go through handoffs and crashes of a counter in Go and TypeScript with every number once', async () => {
  const [[command = ''] = []] = counters;
  const plugin = await room.load(command, counterOptions);
  const streams = ways.map((way) => new FollowedStream(plugin, way));
  const { reports, kills } = await through(plugin, counters, streams);
  for (const { strategy, calls } of reports) {
    expect(strategy).toBe('handoff');
    expect(calls).toMatchObject({ cut: 0, failed: 0, resumed: streams.length });
  }
  await expectWhole(streams, 1 + swaps + kills);
});
