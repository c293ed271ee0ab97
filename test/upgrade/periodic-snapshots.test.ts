import type { LoadOptions, Plugin } from '@plugd/host';
import { CounterDefinition } from '@plugd/protocol/gen/samples/counter/v1/counter';
import { counterOptions, put } from '../support/counter-room';
import { type HostRoom, killNow, servingPid } from '../support/host-room';
import { goIsHere } from '../support/needs-go';
import { eventually } from '../support/processes';
import { counterGo } from '../support/samples';
import { Handed } from './handed';
import { KilledHosts, type KilledPlace } from './killed-hosts';

// What has a limit of its own asserts it; this one is only for tests that hang.
jest.setTimeout(60_000);

const hosts = new KilledHosts();
const handed = new Handed();
afterAll(() => {
  hosts.dispose();
  handed.dispose();
});

let place: KilledPlace;
let room: HostRoom;
beforeEach(async () => {
  place = hosts.place();
  handed.tell({});
});
afterEach(() => room.close());

const full = process.env['PLUGD_FULL'] === '1';
const everyMs = 200;
/** An even number. */
const upgrades = full ? 10 : 4;

/** A counter that asks for its state to be kept; or not, as told. */
const inTypeScript = (snapshotEveryMs = everyMs) => handed.options({ mark: '' }, { snapshotEveryMs });
const inGo = () => ({
  version: '1.0.0',
  command: counterGo('1'),
  env: { COUNTER_SNAPSHOT_EVERY: `${everyMs}ms` },
});

const load = (options: Pick<LoadOptions, 'version' | 'command'>): Promise<Plugin> =>
  room.load(options.command, { ...counterOptions, ...options });

const add = (plugin: Plugin, value: number) => plugin.pinned((scope) => put(scope, 'a', value));

async function numberOf(plugin: Plugin): Promise<number | undefined> {
  const { found, value } = await plugin.client(CounterDefinition).get({ key: 'a' }, { timeoutMs: 20_000 });
  return found ? value : undefined;
}

const ages = () => room.log.records.flatMap(({ fields }) => fields['ageMs'] ?? []);

/** Two of them: the first may have been begun before. */
const aWhile = () => new Promise((next) => setTimeout(next, 2.5 * everyMs));

const languages = [['TS', inTypeScript], ...(goIsHere && full ? [['Go', inGo] as const] : [])] as const;

test.each(languages)(
  'a %s plugin that asks for it goes on after a crash with what it had at its last snapshot',
  async (_, options) => {
    room = await place.open();
    const plugin = await load(options());
    let sum = 0;
    for (let i = 1; i <= 3; i++) {
      sum += i;
      await add(plugin, i);
      await eventually(() => ages().length === i - 1, 1_000, 'it has not been started again by itself');
      await aWhile();
      await killNow(servingPid(plugin));
      expect(await numberOf(plugin)).toBe(sum);
    }
    expect(ages()).toHaveLength(3);
    // Of those that it asked for the last two are there, however long it runs.
    expect(await place.snapshots()).toBe(2);
    await plugin.stop();
    expect(await place.snapshots()).toBe(0);
  },
);

test.each(languages)('a %s plugin that asks for it goes on after a crash of its host', async (_, options) => {
  const { command, version, env } = options();
  await place.kill({ load: { command, version, env }, put: 7, waitMs: 3 * everyMs });
  room = await place.open();
  expect(await numberOf(await load(options()))).toBe(7);
});

test('nothing is kept of a plugin that does not ask, nor of several instances', async () => {
  room = await place.open();
  await load(inTypeScript(0));
  await room.load(inTypeScript().command, {
    ...counterOptions,
    ...inTypeScript(),
    name: 'several',
    instances: 2,
  });
  await aWhile();
  expect(await place.snapshots()).toBe(0);
});

test('no state that was kept before an upgrade is kept after it', async () => {
  room = await place.open();
  const plugin = await load(inTypeScript(1));
  const next = handed.options({ mark: '' }, { version: '2.0.0' });
  for (let i = 1; i <= upgrades; i++) {
    await add(plugin, 1);
    // The second one asks for none: what is kept last is what was handed over.
    await plugin.upgrade(i % 2 === 1 ? next : inTypeScript(1));
  }
  await plugin.upgrade(next);
  await killNow(servingPid(plugin));
  expect(await numberOf(plugin)).toBe(upgrades);
});

test('a plugin that does not give its state serves on, and is told of once', async () => {
  room = await place.open();
  const plugin = await load(inTypeScript());
  handed.tell({ '1.0.0': { snapshot: 'error' } });
  await aWhile();
  await aWhile();
  await add(plugin, 3);
  const warnings = room.log.records.filter(({ fields }) => fields['kind'] !== undefined);
  expect(warnings).toMatchObject([
    { level: 'warn', fields: { plugin: 'counter', version: '1.0.0', kind: 'INTERNAL' } },
  ]);
  handed.tell({});
  await aWhile();
  await killNow(servingPid(plugin));
  expect(await numberOf(plugin)).toBe(3);
});
