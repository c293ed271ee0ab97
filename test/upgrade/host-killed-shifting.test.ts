import type { Plugin, UpgradeOptions } from '@plugd/host';
import { CounterDefinition } from '@plugd/protocol/gen/samples/counter/v1/counter';
import { strategies } from '../../host/src/upgrade/step-table';
import { testsAtOnce } from '../support/at-once';
import { counterOptions } from '../support/counter-room';
import { eventually } from '../support/processes';
import type { HandedOrder } from './handed-plugin';
import type { KilledAt } from './host-killed-program';
import { KilledHosts, KilledLife } from './killed-hosts';

// The host is killed with -9 while two versions share the calls, or before or after that: see host-killed.test.ts. Nothing is kept
// here; what must hold is that the version serves that the table names, with all of its instances, and nothing else runs.

// What has a limit of its own asserts it; this one is only for tests that hang.
jest.setTimeout(60_000);

const full = process.env['PLUGD_FULL'] === '1';

const hosts = new KilledHosts();
afterAll(() => hosts.dispose());

const { atOnce, own } = testsAtOnce(async () => new KilledLife(hosts.place()));

const instances = 2;

function versionOf(version: string, about: HandedOrder = {}) {
  const { command, env } = own().handed.options({ mark: '' }, { ...about, keepsNothing: true });
  return { version, command, args: [version], env, instances };
}

async function kill(at: KilledAt, upgrade: Partial<UpgradeOptions>, fresh: HandedOrder = {}): Promise<void> {
  await own().place.kill({
    load: { ...versionOf('1.0.0'), startTimeoutMs: 20_000 },
    put: 7,
    upgrade: { ...versionOf('2.0.0', fresh), ...upgrade },
    at,
  });
}

async function expectRecovered(strategy: string, serves: string, goesOn = true): Promise<void> {
  const { unfinished } = await own().place.journal();
  expect(unfinished).toMatchObject([{ head: { plugin: 'counter', strategy }, intact: true }]);
  const room = await own().open();
  const marked = { ROOM_MARK: room.mark };
  const { command, env, ...options } = versionOf('1.0.0');
  const plugin: Plugin = await room.load(command, {
    ...counterOptions,
    ...options,
    env: { ...env, ...marked },
  });
  expect(
    own()
      .place.left()
      .filter((one) => typeof one === 'number'),
  ).toEqual([]);
  const pids = plugin.status().instances.map(({ pid }) => pid);
  expect(pids).toHaveLength(instances);
  expect(room.processes().sort()).toEqual(pids.sort());
  const get = () => plugin.client(CounterDefinition).get({ key: 'a' }, { timeoutMs: 20_000 });
  expect((await get()).servedBy).toBe(serves);
  expect(await own().place.journal()).toMatchObject({ unfinished: [] });
  // And it goes on as any other.
  if (!full && !goesOn) return;
  const version = serves === '1.0.0' ? '2.0.0' : '1.0.0';
  const next = versionOf(version);
  const report = await plugin.upgrade({ ...next, env: { ...next.env, ...marked }, strategy: 'rolling' });
  expect(report).toMatchObject({ outcome: 'swapped', calls: { failed: 0 } });
  expect((await get()).servedBy).toBe(version);
  await eventually(() => own().place.left().length === 0, 10_000, 'nothing of the killed host is there');
}

const tight: Partial<UpgradeOptions> = {
  strategy: 'rolling',
  rolling: { maxSurge: 0, maxUnavailable: 1 },
  bakeMs: 100,
};

const everyday = ['swap'];
const rows = strategies.rolling.filter(({ step }) => full || everyday.includes(step));

atOnce.each(rows.map(({ step, onRestart }) => [step, onRestart] as const))(
  'a host killed in rolling at %s: %s',
  async (step, onRestart) => {
    await kill({ step, phase: 'started' }, tight);
    await expectRecovered('rolling', onRestart === 'finish' ? '2.0.0' : '1.0.0');
  },
);

atOnce('a host killed while an old instance is already replaced starts the old version whole', async () => {
  await kill({ step: 'shift', phase: 'running' }, { strategy: 'rolling', rolling: { pauseMs: 50_000 } });
  await expectRecovered('rolling', '1.0.0');
});

atOnce('a host killed in the middle of a canary goes on with the old version', async () => {
  const canary = { steps: [{ weight: 50, bakeMs: 50_000 }, { weight: 100 }] };
  await kill({ step: 'shift', phase: 'running' }, { strategy: 'canary', canary });
  await expectRecovered('canary', '1.0.0', false);
});

const undos = ['end-new', 'shift-back'].filter((undo) => full || undo === 'shift-back');

atOnce.each(undos)('a host killed where rolling is undone, at %s', async (step) => {
  await kill({ step, phase: 'undoing' }, tight, { start: 'exit' });
  await expectRecovered('rolling', '1.0.0', false);
});
