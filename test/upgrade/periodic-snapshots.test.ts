import type { LoadOptions, Plugin } from '@plugd/host';
import { CounterDefinition } from '@plugd/protocol/gen/samples/counter/v1/counter';
import { testsAtOnce } from '../support/at-once';
import { counterOptions, put } from '../support/counter-room';
import { killNow, servingPid } from '../support/host-room';
import { keptStates, twoMoreStates } from '../support/kept-states';
import { goIsHere } from '../support/needs-go';
import { poll } from '../support/poll';
import { counterGo } from '../support/samples';
import { KilledHosts, KilledLife } from './killed-hosts';

// What has a limit of its own asserts it; this one is only for tests that hang.
jest.setTimeout(60_000);

const hosts = new KilledHosts();
afterAll(() => hosts.dispose());
const { atOnce, own } = testsAtOnce(async () => {
  const life = new KilledLife(hosts.place());
  life.handed.tell({});
  return life;
});

const full = process.env['PLUGD_FULL'] === '1';
const everyMs = 200;
/** An even number. */
const upgrades = full ? 10 : 4;

/** A counter that asks for its state to be kept; or not, as told. */
const inTypeScript = (snapshotEveryMs = everyMs) => own().handed.options({ mark: '' }, { snapshotEveryMs });
const inGo = () => ({
  version: '1.0.0',
  command: counterGo('1'),
  env: { COUNTER_SNAPSHOT_EVERY: `${everyMs}ms` },
});

const load = async (options: Pick<LoadOptions, 'version' | 'command'>): Promise<Plugin> =>
  (await own().open()).load(options.command, { ...counterOptions, ...options });

const add = (plugin: Plugin, value: number) => plugin.pinned((scope) => put(scope, 'a', value));

async function numberOf(plugin: Plugin): Promise<number | undefined> {
  const { found, value } = await plugin.client(CounterDefinition).get({ key: 'a' }, { timeoutMs: 20_000 });
  return found ? value : undefined;
}

const records = () => own().room?.log.records ?? [];
const ages = () => records().flatMap(({ fields }) => fields['ageMs'] ?? []);
const ageCount = (expected: number) =>
  poll(
    () => ages().length,
    (count) => count === expected,
  );
const kept = () => keptStates(own().place.snapshotsDir);
const twoMore = () => twoMoreStates(own().place.snapshotsDir);
/** Time for more than one of them, where none may come. */
const aWhile = () => new Promise((next) => setTimeout(next, 2.5 * everyMs));

/** What a host, and one that is killed, loads by. */
type Options = () => {
  readonly version: string;
  readonly command: string;
  readonly env: Record<string, string>;
};
const languages: readonly (readonly [language: string, options: Options])[] = [
  ['TS', () => inTypeScript()],
  ...(goIsHere && full ? [['Go', inGo] as const] : []),
];

atOnce.each(languages)(
  'a %s plugin that asks for it goes on after a crash with what it had at its last snapshot',
  async (_, options) => {
    const plugin = await load(options());
    let sum = 0;
    for (let i = 1; i <= 3; i++) {
      sum += i;
      await add(plugin, i);
      // It has not been started again by itself.
      await ageCount(i - 1);
      await twoMore();
      await killNow(servingPid(plugin));
      expect(await numberOf(plugin)).toBe(sum);
    }
    await ageCount(3);
    // Of those that it asked for the last two are there, however long it runs.
    await twoMore();
    await poll(
      () => kept().length,
      (count) => count === 2,
    );
    await plugin.stop();
    expect(kept()).toEqual([]);
  },
);

atOnce.each(languages)(
  'a %s plugin that asks for it goes on after a crash of its host',
  async (_, options) => {
    const { command, version, env } = options();
    await own().place.kill({ load: { command, version, env }, put: 7, keepsTwo: true });
    expect(await numberOf(await load(options()))).toBe(7);
  },
);

atOnce('nothing is kept of a plugin that does not ask, nor of several instances', async () => {
  await load(inTypeScript(0));
  const several = { ...counterOptions, ...inTypeScript(), name: 'several', instances: 2 };
  await own().room?.load(inTypeScript().command, several);
  await aWhile();
  expect(kept()).toEqual([]);
});

atOnce('no state that was kept before an upgrade is kept after it', async () => {
  const plugin = await load(inTypeScript(1));
  const next = own().handed.options({ mark: '' }, { version: '2.0.0' });
  for (let i = 1; i <= upgrades; i++) {
    await add(plugin, 1);
    // The second one asks for none: what is kept last is what was handed over.
    await plugin.upgrade(i % 2 === 1 ? next : inTypeScript(1));
  }
  await plugin.upgrade(next);
  await killNow(servingPid(plugin));
  expect(await numberOf(plugin)).toBe(upgrades);
});

atOnce('a plugin that does not give its state serves on, and is told of once', async () => {
  const plugin = await load(inTypeScript());
  own().handed.tell({ '1.0.0': { snapshot: 'error' } });
  const warnings = () => records().filter(({ fields }) => fields['kind'] !== undefined);
  await poll(
    () => warnings().length,
    (count) => count > 0,
  );
  await aWhile();
  await add(plugin, 3);
  expect(warnings()).toMatchObject([
    { level: 'warn', fields: { plugin: 'counter', version: '1.0.0', kind: 'INTERNAL' } },
  ]);
  own().handed.tell({});
  await twoMore();
  await killNow(servingPid(plugin));
  expect(await numberOf(plugin)).toBe(3);
});
