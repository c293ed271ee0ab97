import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHost, type Plugin, type UpgradeOptions } from '@plugd/host';
import { CounterDefinition } from '@plugd/protocol/gen/samples/counter/v1/counter';
import {
  type DirectStrategyName,
  type StepRow,
  type StrategyName,
  strategies,
} from '../../host/src/upgrade/step-table';
import { testsAtOnce } from '../support/at-once';
import { counterOptions, put } from '../support/counter-room';
import { failureOf } from '../support/host-room';
import { goIsHere } from '../support/needs-go';
import { childrenOf, eventually } from '../support/processes';
import { counterGo, counterTs } from '../support/samples';
import { SeededRandom } from '../support/seeded-random';
import type { HandedOrder, Misdeeds } from './handed-plugin';
import type { KilledOrder } from './host-killed-program';
import { KilledHosts, KilledLife } from './killed-hosts';

// What has a limit of its own asserts it; this one is only for tests that hang.
jest.setTimeout(60_000);

// The host is killed with -9 as soon as a line of its journal is safe, in the same turn of its loop. The application is
// started anew, opens the same state directory and loads version 1, as it does. What must serve then stands in the table.
//
// The state is the one that was kept last, for the old process is dead. Up to the line of the step `snapshot` that is one from
// before the upgrade, here from a restart at the value 5: what was added later is lost with the two processes. From the
// line after it on it is all there, 12. With PLUGD_FULL=1 each line is tried, else some.

const full = process.env['PLUGD_FULL'] === '1';

const hosts = new KilledHosts();
afterAll(() => hosts.dispose());
const { atOnce, own } = testsAtOnce(async () => new KilledLife(hosts.place()));
const room = () => own().room;

/** The counter of the samples, or the one whose part can go wrong, which is in TypeScript. */
type Kind = 'sample' | 'handed';

/** The options of a version that can be written as JSON. */
function versionOf(kind: Kind, version: string, about: HandedOrder = {}) {
  if (kind === 'sample') {
    const sample = version === '1.0.0' ? '1' : '2';
    return { version, command: goIsHere ? counterGo(sample) : counterTs(sample), env: {} };
  }
  const { command, env } = own().handed.options(
    { mark: '' },
    { ...about, version, schema: version === '1.0.0' ? 1 : 2 },
  );
  return { version, command, env };
}

interface Killing {
  readonly strategy: DirectStrategyName;
  readonly kind: Kind;
  readonly at?: { readonly step: string; readonly phase: string };
  readonly afterMs?: number;
  readonly about?: HandedOrder;
  /** Of the new version alone. */
  readonly fresh?: HandedOrder;
  readonly misdeeds?: Misdeeds;
  readonly upgrade?: Partial<UpgradeOptions>;
  readonly refuses?: boolean;
  readonly loseAt?: string;
}

/** Brings a host to its end; the key a has 5 in the state that was kept before the upgrade, and 12 when it begins. */
async function kill({
  strategy,
  kind,
  about,
  fresh,
  misdeeds = {},
  at,
  upgrade,
  ...more
}: Killing): Promise<void> {
  own().handed.tell(misdeeds);
  const order: Omit<KilledOrder, 'runDir' | 'stateDir'> = {
    load: { ...versionOf(kind, '1.0.0', about), startTimeoutMs: 20_000 },
    kept: 5,
    put: 7,
    upgrade: { ...versionOf(kind, '2.0.0', { ...about, ...fresh }), strategy, bakeMs: 100, ...upgrade },
    ...(at === undefined ? {} : { at }),
    ...more,
  };
  await own().place.kill(order);
  own().handed.tell({});
}

/** The application loads version 1 again. */
async function loadAgain(kind: Kind, about: HandedOrder = {}, version = '1.0.0'): Promise<Plugin> {
  const room = await own().open();
  const { command, env, ...options } = versionOf(kind, version, about);
  return room.load(command, { ...counterOptions, ...options, env: { ...env, ROOM_MARK: room.mark } });
}

/** Who answers, and with what. */
async function answer(plugin: Plugin): Promise<{ value: number | undefined; servedBy: string }> {
  const { value, servedBy } = await plugin.client(CounterDefinition).get({ key: 'a' }, { timeoutMs: 20_000 });
  return { value, servedBy };
}

const recoveries = () =>
  (room()?.events ?? []).flatMap((event) =>
    event.type === 'operation' && event.step === 'recover' ? event.phase : [],
  );

/** What must hold whatever the host was killed at. */
async function expectRecovered(killing: Killing, expected: { serves: string; value: number }): Promise<void> {
  const { kind, about } = killing;
  const { unfinished } = await own().place.journal();
  expect(unfinished).toMatchObject([
    { head: { plugin: 'counter', strategy: killing.strategy }, intact: true },
  ]);
  expect(await own().place.snapshots()).toBeGreaterThanOrEqual(1);
  const plugin = await loadAgain(kind, about);
  // Its guardian removes directories while this host starts; processes are what must not meet the new ones.
  expect(
    own()
      .place.left()
      .filter((one) => typeof one === 'number'),
  ).toEqual([]);
  expect(room()?.processes()).toEqual(plugin.status().instances.map(({ pid }) => pid));
  expect(await answer(plugin)).toEqual({ value: expected.value, servedBy: expected.serves });
  expect(recoveries()).toEqual(['started', 'done']);
  expect(await own().place.journal()).toMatchObject({ unfinished: [] });
  // And it goes on as any other: every day only those that start fast.
  if (!full && kind === 'handed') return;
  await plugin.pinned((scope) => put(scope, 'a', 1));
  const version = expected.serves === '1.0.0' ? '2.0.0' : '1.0.0';
  const report = await plugin.upgrade({
    ...versionOf(kind, version, about),
    env: marked(kind, version, about),
  });
  expect(report).toMatchObject({ strategy: 'handoff', outcome: 'swapped', calls: { failed: 0 } });
  expect(await answer(plugin)).toEqual({ value: expected.value + 1, servedBy: version });
  await eventually(() => own().place.left().length === 0, 10_000, 'nothing of the killed host is there');
}

function marked(kind: Kind, version: string, about: HandedOrder = {}): Record<string, string> {
  return { ...versionOf(kind, version, about).env, ROOM_MARK: room()?.mark ?? '' };
}

const everyday: Readonly<Record<DirectStrategyName, readonly string[]>> = {
  overlap: ['swap'],
  handoff: ['hold', 'restore', 'release-calls'],
  recreate: ['restore'],
};

describe.each(['overlap', 'handoff', 'recreate'] as const)('a host killed in %s', (strategy) => {
  const rows: readonly StepRow[] = strategies[strategy];
  const snapshotAt = snapshotOf(strategy);
  const tried = rows.filter(({ step }) => full || everyday[strategy].includes(step));
  atOnce.each(tried.map((row) => [row.step, row.onRestart, row] as const))(
    'at %s: %s',
    async (step, onRestart, row) => {
      const killing: Killing = {
        strategy,
        kind: step === 'release' ? 'handed' : 'sample',
        at: { step, phase: 'started' },
        ...(step === 'release' ? { about: { resources: { door: 'exclusive' } } } : {}),
      };
      await kill(killing);
      await expectRecovered(killing, {
        serves: onRestart === 'finish' ? '2.0.0' : '1.0.0',
        value: snapshotAt >= 0 && rows.indexOf(row) > snapshotAt ? 12 : 5,
      });
    },
  );
});

const everydayUndo = 'the new one does not take the state';
const undos: readonly (Omit<Killing, 'at' | 'kind'> & {
  readonly undoes: readonly string[];
  readonly why: string;
  readonly value: number;
})[] = [
  { why: 'its check refuses the new one', strategy: 'handoff', refuses: true, undoes: ['end-new'], value: 5 },
  {
    why: everydayUndo,
    strategy: 'handoff',
    misdeeds: { '2.0.0': { restore: 'error' } },
    undoes: ['resume', 'let-go', 'end-new'],
    value: 12,
  },
  {
    why: 'the new one does not begin',
    strategy: 'handoff',
    misdeeds: { '2.0.0': { activate: 'error' } },
    undoes: ['end-new', 'swap-back', 'resume', 'let-go'],
    value: 12,
  },
  {
    why: 'the old one can’t go on',
    strategy: 'handoff',
    misdeeds: { '1.0.0': { resume: 'error' }, '2.0.0': { restore: 'error' } },
    undoes: ['start-old'],
    value: 12,
  },
  {
    why: 'the new one does not start',
    strategy: 'recreate',
    fresh: { start: 'exit' },
    undoes: ['end-new', 'start-old', 'let-go'],
    value: 12,
  },
  {
    why: 'the new one is lost',
    strategy: 'overlap',
    loseAt: 'bake',
    upgrade: { bakeMs: 5_000 },
    undoes: ['swap-back', 'end-new'],
    value: 5,
  },
];

const undoPoints = undos
  .flatMap(({ undoes, ...about }) => undoes.map((undo) => ({ ...about, undo })))
  .filter(
    ({ strategy, why, undo }) =>
      full ||
      (undo === 'start-old' && strategy === 'recreate') ||
      (undo === 'resume' && why === everydayUndo),
  );

atOnce.each(undoPoints)('a host killed where $strategy is undone because $why, at $undo', async (point) => {
  const { undo, value, why: _, ...about } = point;
  const killing: Killing = { ...about, kind: 'handed', at: { step: undo, phase: 'undoing' } };
  await kill(killing);
  await expectRecovered(killing, { serves: '1.0.0', value });
});

const random = new SeededRandom();
const moments = Array.from({ length: full ? 12 : 1 }, (_, i) =>
  (full ? (['handoff', 'recreate'] as const) : (['handoff'] as const)).map(
    (strategy) => [strategy, i + 1, random.below(160)] as const,
  ),
).flat();

atOnce.each(moments)(
  'a host killed at any moment of %s leaves what its journal says: the %i. of them',
  async (strategy, _, afterMs) => {
    await kill({ strategy, kind: 'sample', afterMs, upgrade: { bakeMs: 0 } });
    const { unfinished } = await own().place.journal();
    const [operation] = unfinished;
    const last = operation?.lines.map((line) => (isStep(line) ? line.step : '')).at(-1);
    const row = strategies[strategy].find(({ step }) => step === last);
    const plugin = await loadAgain('sample');
    const { value, servedBy } = await answer(plugin);
    expect({ afterMs, last, servedBy }).toEqual({
      afterMs,
      last,
      servedBy: row?.onRestart === 'finish' ? '2.0.0' : '1.0.0',
    });
    // At the line of the snapshot itself it may have been kept already.
    expect([5, 12]).toContain(value);
    if (row !== undefined && strategies[strategy].indexOf(row) > snapshotOf(strategy)) expect(value).toBe(12);
    expect(
      own()
        .place.left()
        .filter((one) => typeof one === 'number'),
    ).toEqual([]);
    expect((await own().place.journal()).unfinished).toEqual([]);
  },
);

test('a state directory has one host at a time, and the other one leaves nothing behind', async () => {
  const place = hosts.place();
  const first = await place.open();
  const runDir = mkdtempSync(join(tmpdir(), 'refused-'));
  // The last of these tests: those that run at once have ended.
  const children = childrenOf(process.pid);
  try {
    for (const [stateDir, code] of [
      [place.stateDir, 'STATE_DIR_IN_USE'],
      [join(place.program, 'no-directory'), 'STATE_DIR_UNUSABLE'],
    ]) {
      expect((await failureOf(createHost({ runDir, stateDir: stateDir ?? '' }))).code).toBe(code);
    }
    expect(readdirSync(runDir)).toEqual([]);
    expect(childrenOf(process.pid)).toEqual(children);
  } finally {
    await first.close();
    rmSync(runDir, { recursive: true });
  }
});

function snapshotOf(strategy: StrategyName): number {
  return strategies[strategy].findIndex(({ step }) => step === 'snapshot');
}

function isStep(line: unknown): line is { readonly step: string } {
  return typeof line === 'object' && line !== null && 'step' in line && typeof line.step === 'string';
}
