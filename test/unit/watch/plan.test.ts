import * as fc from 'fast-check';
import { compare, satisfies } from 'semver';
import type {
  RequiredRanges,
  RunningVersion,
  Situation,
  VersionFound,
} from '../../../host/src/watch/choices';
import { plan, type WatchAction } from '../../../host/src/watch/plan';
import { testProperty } from '../../support/property-test';

const good = (version: string, requires: RequiredRanges = {}, digest = `of ${version}`): VersionFound => ({
  version,
  state: 'good',
  digest,
  requires,
});
const runs = (
  version: string,
  requires: RequiredRanges = {},
  over: Partial<RunningVersion> = {},
): RunningVersion => ({ version, digest: `of ${version}`, requires, foreign: false, ...over });

/** A situation in short: lists of versions from the highest on. */
const situation = (
  onDisk: Record<string, readonly VersionFound[]>,
  running: Record<string, RunningVersion> = {},
  over: Partial<Situation> = {},
): Situation => ({
  onDisk: new Map(Object.entries(onDisk)),
  running: new Map(Object.entries(running)),
  pins: new Map(),
  hasFailed: () => false,
  busy: new Map(),
  ...over,
});

const short = (action: WatchAction) =>
  action.kind === 'stop' ? `stop ${action.name}` : `${action.kind} ${action.name} ${action.version}`;
const planned = (about: Situation) => plan(about).actions.map(short);
const waiting = (about: Situation) =>
  plan(about).waiting.map(({ name, version, error }) => `${name} ${version} ${error.code}`);

const unsettled: VersionFound = { version: '2.0.0', state: 'unsettled', digest: undefined, requires: {} };
const unfit: VersionFound = { ...unsettled, state: 'unfit' };

test.each<[what: string, about: Situation, actions: string[]]>([
  ['what is new is loaded', situation({ a: [good('1.0.0')] }), ['load a 1.0.0']],
  ['of several the highest', situation({ a: [good('2.0.0'), good('1.0.0')] }), ['load a 2.0.0']],
  ['what runs is left', situation({ a: [good('1.0.0')] }, { a: runs('1.0.0') }), []],
  [
    'a higher one is upgraded to',
    situation({ a: [good('2.0.0'), good('1.0.0')] }, { a: runs('1.0.0') }),
    ['upgrade a 2.0.0'],
  ],
  ['a lower one is not', situation({ a: [good('2.0.0'), good('1.0.0')] }, { a: runs('2.0.0') }), []],
  [
    'another content is restarted on',
    situation({ a: [good('1.0.0', {}, 'new')] }, { a: runs('1.0.0') }),
    ['restart a 1.0.0'],
  ],
  [
    'what nobody knows the content of as well',
    situation({ a: [good('1.0.0')] }, { a: runs('1.0.0', {}, { digest: undefined }) }),
    ['restart a 1.0.0'],
  ],
  ['what is taken away is stopped', situation({}, { a: runs('1.0.0') }), ['stop a']],
  [
    'or replaced by what is left',
    situation({ a: [good('1.0.0')] }, { a: runs('2.0.0') }),
    ['upgrade a 1.0.0'],
  ],
  ['it waits for what is being written', situation({ a: [unsettled] }, { a: runs('1.0.0') }), []],
  ['what is being written is not run', situation({ a: [unsettled, good('1.0.0')] }), ['load a 1.0.0']],
  ['what can’t be run neither', situation({ a: [unfit, good('1.0.0')] }), ['load a 1.0.0']],
  ['and not taken for deleted', situation({ a: [unfit] }, { a: runs('2.0.0') }), []],
  [
    'a pin leads back',
    situation(
      { a: [good('2.0.0'), good('1.0.0')] },
      { a: runs('2.0.0') },
      { pins: new Map([['a', '1.0.0']]) },
    ),
    ['upgrade a 1.0.0'],
  ],
  [
    'a pin to what is not there changes nothing',
    situation({ a: [good('2.0.0')] }, { a: runs('2.0.0') }, { pins: new Map([['a', '1.0.0']]) }),
    [],
  ],
  [
    'a pin to what is not there starts nothing',
    situation({ a: [good('2.0.0')] }, {}, { pins: new Map([['a', '1.0.0']]) }),
    [],
  ],
  [
    'what has failed is passed over',
    situation({ a: [good('2.0.0'), good('1.0.0')] }, {}, { hasFailed: (_, version) => version === '2.0.0' }),
    ['load a 1.0.0'],
  ],
  [
    'what the application has put there is left alone',
    situation({ a: [good('2.0.0')] }, { a: runs('1.0.0', {}, { foreign: true }) }),
    [],
  ],
  [
    'one is busy at a time',
    situation({ a: [good('2.0.0')] }, { a: runs('1.0.0') }, { busy: new Map([['a', {}]]) }),
    [],
  ],
])('%s', (_what, about, actions) => {
  expect(planned(about)).toEqual(actions);
  expect(waiting(about)).toEqual([]);
});

describe('requirements', () => {
  const needs = (range: string) => ({ b: range });

  test('what is required comes first, and stops last', () => {
    const disk = { a: [good('1.0.0', needs('^1.0.0'))], b: [good('1.0.0')] };
    expect(planned(situation(disk))).toEqual(['load b 1.0.0']);
    expect(planned(situation(disk, { b: runs('1.0.0') }))).toEqual(['load a 1.0.0']);
    const both = { a: runs('1.0.0', needs('^1.0.0')), b: runs('1.0.0') };
    expect(planned(situation({}, both))).toEqual(['stop a']);
    expect(planned(situation({}, { b: runs('1.0.0') }))).toEqual(['stop b']);
  });

  test('what is required changes only after what could not do with that has stopped', () => {
    const disk = { b: [good('1.0.0')] };
    const before = { a: runs('1.0.0', needs('^2.0.0')), b: runs('2.0.0') };
    expect(planned(situation(disk, before))).toEqual(['stop a']);
    expect(planned(situation(disk, before, { busy: new Map([['a', {}]]) }))).toEqual([]);
    expect(planned(situation(disk, { b: runs('2.0.0') }))).toEqual(['upgrade b 1.0.0']);
  });

  test('what requires something else than there is waits, and a version that doesn’t is taken', () => {
    const two = good('2.0.0', needs('^2.0.0'));
    const about = situation({ a: [two], b: [good('1.0.0')] });
    expect([planned(about), waiting(about)]).toEqual([['load b 1.0.0'], ['a 2.0.0 REQUIREMENT_UNMET']]);
    expect(planned(situation({ a: [two, good('1.0.0')] }))).toEqual(['load a 1.0.0']);
  });

  test('an upgrade that would break one that runs is refused', () => {
    const about = situation(
      { a: [good('1.0.0', needs('^1.0.0'))], b: [good('2.0.0'), good('1.5.0'), good('1.0.0')] },
      { a: runs('1.0.0', needs('^1.0.0')), b: runs('1.0.0') },
    );
    expect([planned(about), waiting(about)]).toEqual([['upgrade b 1.5.0'], ['b 2.0.0 REQUIREMENT_UNMET']]);
  });

  test('or comes after the upgrade of that', () => {
    const disk = { a: [good('1.1.0', needs('>=1 <3'))], b: [good('2.0.0')] };
    const before = { a: runs('1.0.0', needs('^1.0.0')), b: runs('1.0.0') };
    expect(planned(situation(disk, before))).toEqual(['upgrade a 1.1.0']);
    const then = { ...before, a: runs('1.1.0', needs('>=1 <3')) };
    expect(planned(situation(disk, then))).toEqual(['upgrade b 2.0.0']);
    const under = situation(disk, before, { busy: new Map([['a', needs('>=1 <3')]]) });
    expect([planned(under), waiting(under)]).toEqual([[], []]);
  });

  test('two that could only change at the same moment don’t', () => {
    const about = situation(
      { a: [good('2.0.0', needs('^2.0.0'))], b: [good('2.0.0')] },
      { a: runs('1.0.0', needs('^1.0.0')), b: runs('1.0.0') },
    );
    expect(planned(about)).toEqual([]);
    expect(waiting(about)).toEqual(['a 2.0.0 REQUIREMENT_UNMET', 'b 2.0.0 REQUIREMENT_UNMET']);
  });

  test('what is required may be taken away: that is told, and what requires it runs on', () => {
    const needy = { a: [good('1.0.0', needs('^1.0.0'))] };
    const about = situation(needy, { a: runs('1.0.0', needs('^1.0.0')), b: runs('1.0.0') });
    expect([planned(about), waiting(about)]).toEqual([['stop b'], ['a 1.0.0 REQUIREMENT_UNMET']]);
  });

  test('a ring is told of', () => {
    const about = situation({ a: [good('1.0.0', needs('*'))], b: [good('1.0.0', { a: '*' })] });
    expect([planned(about), waiting(about)]).toEqual([
      [],
      ['a 1.0.0 DEPENDENCY_CYCLE', 'b 1.0.0 DEPENDENCY_CYCLE'],
    ]);
  });

  test('one that gave in for another’s sake is not left behind when that one gave in as well', () => {
    const about = situation(
      {
        a: [good('1.1.0', needs('^1.0.0')), good('1.0.0', needs('^1.0.0'))],
        b: [good('2.0.0'), good('1.0.0')],
        c: [good('1.0.0', needs('^1.0.0'))],
      },
      {
        a: runs('1.0.0', needs('^1.0.0')),
        b: runs('1.0.0'),
        c: runs('1.0.0', needs('^1.0.0')),
      },
    );
    expect(planned(about)).toEqual(['upgrade a 1.1.0']);
  });
});

// Plans are followed in any order until there is nothing to do any more.

const versions = ['1.0.0', '1.1.0', '2.0.0'];
const names = ['a', 'b', 'c'];
const ranges = fc.dictionary(fc.constantFrom(...names), fc.constantFrom('^1.0.0', '^2.0.0', '*', '>=1.1.0'), {
  maxKeys: 2,
});
const disk = fc.dictionary(
  fc.constantFrom(...names),
  fc
    .uniqueArray(fc.record({ version: fc.constantFrom(...versions), requires: ranges }), {
      selector: ({ version }) => version,
      minLength: 1,
    })
    .map((list) =>
      list
        .sort((one, other) => compare(other.version, one.version))
        .map(({ version, requires }) => good(version, requires)),
    ),
);

const brokenOf = (running: ReadonlyMap<string, RunningVersion>) =>
  [...running].flatMap(([name, { requires }]) =>
    Object.entries(requires).flatMap(([other, range]) =>
      satisfies(running.get(other)?.version ?? '', range) ? [] : [`${name} ${other}`],
    ),
  );

testProperty(
  'plans come to an end, in any order of their steps, and no step breaks what another one requires',
  fc.property(disk, disk, fc.array(fc.nat(), { minLength: 40, maxLength: 40 }), (first, second, turns) => {
    const running = new Map<string, RunningVersion>();
    for (const onDisk of [first, second]) {
      let steps = 0;
      for (;;) {
        const { actions } = plan(situation(onDisk, Object.fromEntries(running)));
        const action = actions[(turns[steps] ?? 0) % Math.max(1, actions.length)];
        if (action === undefined) break;
        expect(++steps).toBeLessThan(40);
        const before = brokenOf(running);
        if (action.kind === 'stop') {
          running.delete(action.name);
          continue;
        }
        running.set(action.name, runs(action.version, action.requires));
        expect(brokenOf(running).filter((one) => !before.includes(one))).toEqual([]);
      }
      // With nothing required of it each runs the highest that is there.
      for (const [name, [highest]] of Object.entries(onDisk)) {
        const free = Object.values(onDisk).every((list) =>
          list.every(({ requires }) => Object.keys(requires).length === 0),
        );
        const kept = [...running.values()].every(({ requires }) => Object.keys(requires).length === 0);
        if (free && kept) expect(running.get(name)?.version).toBe(highest?.version);
      }
      for (const name of running.keys()) expect(Object.keys(onDisk)).toContain(name);
    }
  }),
  300,
);
